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
 * What is for CUDA alone. Without what it takes when FFmpeg is built (LibTorch
 * with its CUDA libraries, nv-codec-headers and a compiler for kernels) there
 * is none of it, and the functions say so.
 */

#ifndef AVFILTER_DNN_TORCH_CUDA_H
#define AVFILTER_DNN_TORCH_CUDA_H

#include <functional>
#include <memory>

#include <ATen/ATen.h>

#include "device.h"
#include "frame.h"
#include "io.h"
#include "io_cuda.h"

extern "C" {
#include "libavutil/buffer.h"
}

namespace fftorch {
namespace cuda {

/** @return whether frames may be AV_PIX_FMT_CUDA for a network on the device, and there are kernels */
bool takes_surfaces(c10::Device device);

/**
 * The kernels for what is not in surfaces.
 *
 * @param stream of the thread that is to use them; has to outlive them
 * @throws std::invalid_argument if they cannot be had
 */
std::unique_ptr<SurfaceKernels> open_kernels(c10::Device device, const DeviceStream &stream);

/**
 * @param frames   the AVHWFramesContext of the input
 * @param channels that the network takes, 0: any number
 * @param stream   of the thread that is to use it; has to outlive it
 * @throws std::invalid_argument with what is to be done about it
 */
std::unique_ptr<FrameIO> open_surfaces(const AVBufferRef *frames, const PixelOptions &options,
                                         int64_t channels, c10::Device device,
                                         const DeviceStream &stream);

/** Give memory back that the allocator keeps. */
void release_memory() noexcept;

/** A run of a network as a CUDA graph: the device does it again as one thing. */
class Recording {
public:
    virtual ~Recording() = default;

    /** To be filled before replay(). Of the shape that it was recorded with. */
    virtual const at::Tensor &input() const = 0;

    /** @return the output, in the memory that each replay() writes to */
    virtual at::Tensor replay() = 0;
};

/**
 * Record a run. The thread's current stream is not the default one, and no
 * other work of the network is under way.
 *
 * @param input   on the device
 * @param forward runs the network
 * @throws std::exception if the network cannot be recorded; the stream may be
 *         of no use then
 */
std::unique_ptr<Recording> record(const at::Tensor &input,
                                  const std::function<at::Tensor(const at::Tensor &)> &forward);

} // namespace cuda
} // namespace fftorch

#endif /* AVFILTER_DNN_TORCH_CUDA_H */
