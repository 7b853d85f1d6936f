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
 * FFmpeg's side of CUDA: the context that its surfaces are in, and running the
 * kernels of cuda_kernels.cu there. It knows no LibTorch.
 */

#ifndef AVFILTER_DNN_TORCH_CUDA_LAUNCH_H
#define AVFILTER_DNN_TORCH_CUDA_LAUNCH_H

#include "libavutil/buffer.h"
#include "cuda_kernels.h"

typedef struct DNNCudaLauncher DNNCudaLauncher;

/** Why something failed: one line. */
typedef struct DNNCudaError {
    char text[256];
} DNNCudaError;

/**
 * Get ready to run kernels.
 *
 * @param device_ref an AVHWDeviceContext of CUDA, which is referenced: that of
 *                   surfaces. NULL: there are none
 * @param device     index of the device that the network is on. The surfaces
 *                   have to be in its primary context
 * @return 0 or an AVERROR code, and then error is set
 */
int ff_dnn_cuda_open(DNNCudaLauncher **launcher, AVBufferRef *device_ref, int device,
                     DNNCudaError *error);

/** For any thread that no longer runs a kernel of it. */
void ff_dnn_cuda_close(DNNCudaLauncher **launcher);

/** @return the CUstream to which FFmpeg gives its work on surfaces, NULL: the default one */
void *ff_dnn_cuda_stream(const DNNCudaLauncher *launcher);

/**
 * Start a kernel. By several threads at a time.
 *
 * @param wide   samples have 16 bits, not 8
 * @param stream a CUstream of the same context
 * @return 0 or an AVERROR code, and then error is set
 */
int ff_dnn_cuda_load(DNNCudaLauncher *launcher, const DNNCudaLoad *load, int wide,
                     void *stream, DNNCudaError *error);
int ff_dnn_cuda_store(DNNCudaLauncher *launcher, const DNNCudaStore *store, int wide,
                      void *stream, DNNCudaError *error);
int ff_dnn_cuda_carry(DNNCudaLauncher *launcher, const DNNCudaCarry *carry, int wide,
                      void *stream, DNNCudaError *error);

#endif /* AVFILTER_DNN_TORCH_CUDA_LAUNCH_H */
