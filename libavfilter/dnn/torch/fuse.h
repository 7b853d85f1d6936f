/*
 * This file is part of FFmpeg.
 *
 * FFmpeg is free software; you can redistribute it and/or
 * modify it under the terms of the GNU Lesser General Public
 * License as published by the Free Software Foundation; either
 * version 2.1 of the License, or (at your option) any later version.
 *
 * FFmpeg is distributed in the hope that it will be useful,
 * but WITHOUT ANY WARRANTY; without even the implied warranty of
 * MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the GNU
 * Lesser General Public License for more details.
 *
 * You should have received a copy of the GNU Lesser General Public
 * License along with FFmpeg; if not, write to the Free Software
 * Foundation, Inc., 51 Franklin Street, Fifth Floor, Boston, MA 02110-1301 USA
 */

/**
 * @file
 * Activations computed within the convolutions before them.
 */

#ifndef AVFILTER_DNN_TORCH_FUSE_H
#define AVFILTER_DNN_TORCH_FUSE_H

#include <torch/csrc/jit/ir/ir.h>

namespace fftorch {

/**
 * Let oneDNN compute activations on what convolutions have in registers, instead
 * of reading and writing their outputs once more. That is an operation of
 * LibTorch's, made for code that its compiler generates; not all builds have it.
 *
 * @param graph frozen; changed
 * @return how many were fused
 */
int fuse_activations(const std::shared_ptr<torch::jit::Graph> &graph);

} // namespace fftorch

#endif /* AVFILTER_DNN_TORCH_FUSE_H */
