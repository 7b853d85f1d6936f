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
 * Frames in memory to tensors and back.
 */

#ifndef AVFILTER_DNN_DNN_TORCH_FRAME_H
#define AVFILTER_DNN_DNN_TORCH_FRAME_H

#include <ATen/ATen.h>

extern "C" {
#include "libavutil/frame.h"
#include "libavutil/pixfmt.h"
}

namespace fftorch {

/**
 * @return how many channels of a frame go through the network: 3 for packed
 *         RGB, 1 for gray and for the luma of YUV, 0 if it is not supported
 */
int frame_channels(AVPixelFormat format);

/**
 * Fill a tensor with the samples of a frame.
 *
 * @param chw float tensor [C, H, W] in memory of the CPU, contiguous or
 *            channels last, of the frame's channels and size
 */
void frame_to_tensor(const AVFrame &frame, const at::Tensor &chw);

/**
 * Fill a frame, the chroma of YUV apart, with the samples of a tensor.
 *
 * @param chw float tensor [C, H, W] in memory of the CPU with any strides
 * @throws std::runtime_error if its shape is not the frame's
 */
void tensor_to_frame(const at::Tensor &chw, AVFrame &frame);

} // namespace fftorch

#endif /* AVFILTER_DNN_DNN_TORCH_FRAME_H */
