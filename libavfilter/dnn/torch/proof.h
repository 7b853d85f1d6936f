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
 * Proof that a network in another form computes the same: the picture that it
 * is tried on, and the comparison of what it returned.
 */

#ifndef AVFILTER_DNN_TORCH_PROOF_H
#define AVFILTER_DNN_TORCH_PROOF_H

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

namespace fftorch {

/**
 * Fill a tensor [N, C, H, W] with a picture that shows differences: gradients,
 * edges and texture that no two frames, channels, rows or columns share, with
 * values from low to high, both included.
 *
 * @param number of the picture: equal numbers give equal pictures, and frame n
 *               of picture p is frame 0 of picture p + n
 */
void fill_with_picture(at::Tensor &input, double low, double high, int number);

/**
 * Compare what two forms of a network returned for the same input.
 *
 * @param want      of the network as loaded, in fp32
 * @param precision that the other form computes in
 * @return how far apart they are, in units of what rounding explains: they
 *         compute the same up to 1; infinite if shapes or sorts differ
 */
double apart(const std::vector<at::Tensor> &want, const std::vector<at::Tensor> &got,
             at::ScalarType precision);

} // namespace fftorch

#endif /* AVFILTER_DNN_TORCH_PROOF_H */
