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
 * What a TorchScript module holds: parameters, buffers and all other
 * attributes, with what is in their lists, dicts, tuples and objects.
 */

#ifndef AVFILTER_DNN_TORCH_CONTENTS_H
#define AVFILTER_DNN_TORCH_CONTENTS_H

#include <cstddef>
#include <cstdint>

#include <torch/script.h>

namespace fftorch {

/**
 * @return a number that changes with every value that a module holds: by the
 *         bytes, for not all that writes to a tensor counts up its version
 */
uint64_t fingerprint(const torch::jit::Module &module);

/** @return bytes of the tensors that a module holds */
size_t contents_size(const torch::jit::Module &module);

/** @return the type of most of its floating-point elements; float if there are none */
at::ScalarType main_type(const torch::jit::Module &module);

/**
 * Convert the elements of some type that a module holds; integers, bools and
 * other floating-point types stay.
 *
 * @return a module of its own, which shares with the given one what stays
 */
torch::jit::Module convert_contents(const torch::jit::Module &module,
                                    at::ScalarType from, at::ScalarType to);

} // namespace fftorch

#endif /* AVFILTER_DNN_TORCH_CONTENTS_H */
