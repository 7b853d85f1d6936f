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
 * Opening the LibTorch backend: options, device, file, threads.
 */

#ifndef AVFILTER_DNN_TORCH_OPEN_H
#define AVFILTER_DNN_TORCH_OPEN_H

extern "C" {
#include "libavfilter/dnn_interface.h"
}

namespace fftorch {

/**
 * DNNModule.load_model: a THModel that is ready but for the size of the frames.
 *
 * @return NULL after a line that says why
 */
DNNModel *open_model(DnnContext *ctx, DNNFunctionType func_type, AVFilterContext *filter_ctx);

} // namespace fftorch

#endif /* AVFILTER_DNN_TORCH_OPEN_H */
