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

#include "config.h"

#include "cuda.h"

#include <stdexcept>

#if CONFIG_LIBTORCH_CUDA

#include <string>

#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/Event.h>
#include <c10/core/InferenceMode.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAStream.h>

extern "C" {
#include "libavutil/error.h"
#include "libavutil/hwcontext.h"
#include "cuda_launch.h"
}

namespace fftorch {
namespace cuda {
namespace {

/** Runs the kernels on the device, on one stream. */
class DeviceKernels : public SurfaceKernels {
public:
    DeviceKernels(AVBufferRef *device_ref, c10::Device device, const DeviceStream &stream)
        : stream_(stream)
    {
        DNNCudaError error;
        const int ret = ff_dnn_cuda_open(&launcher_, device_ref, device.index(), &error);

        if (ret < 0)
            throw std::invalid_argument(error.text);
    }
    ~DeviceKernels() { ff_dnn_cuda_close(&launcher_); }
    DeviceKernels(const DeviceKernels &) = delete;
    DeviceKernels &operator=(const DeviceKernels &) = delete;

    void wait_for_frames() override
    {
        const cudaStream_t theirs = static_cast<cudaStream_t>(ff_dnn_cuda_stream(launcher_));
        const c10::Stream ours = *stream_.get();
        const c10::DeviceIndex index = ours.device_index();
        c10::Event made(c10::DeviceType::CUDA);

        made.record(theirs ? c10::cuda::getStreamFromExternal(theirs, index).unwrap()
                           : c10::cuda::getDefaultCUDAStream(index).unwrap());
        made.block(ours);
    }

    void load(const DNNCudaLoad &load, bool wide) override
    {
        run([&](DNNCudaError *e) { return ff_dnn_cuda_load(launcher_, &load, wide, handle(), e); });
    }

    void store(const DNNCudaStore &store, bool wide) override
    {
        run([&](DNNCudaError *e) { return ff_dnn_cuda_store(launcher_, &store, wide, handle(), e); });
    }

    void carry(const DNNCudaCarry &carry, bool wide) override
    {
        run([&](DNNCudaError *e) { return ff_dnn_cuda_carry(launcher_, &carry, wide, handle(), e); });
    }

private:
    void *handle() const { return c10::cuda::CUDAStream(*stream_.get()).stream(); }

    template <typename Function>
    void run(const Function &function)
    {
        DNNCudaError error;

        if (function(&error) < 0)
            throw std::runtime_error(error.text);
    }

    DNNCudaLauncher    *launcher_ = nullptr;
    const DeviceStream &stream_;
};

/** Names the memory of a recording. */
using Pool = decltype(at::cuda::graph_pool_handle());

/**
 * Calls of other threads must not disturb it: the decoder may be at work. That
 * can be had since LibTorch 2.1.
 */
template <typename Graph>
auto begin_capture(Graph &graph, Pool pool, int)
    -> decltype(graph.capture_begin(pool, cudaStreamCaptureModeThreadLocal))
{
    graph.capture_begin(pool, cudaStreamCaptureModeThreadLocal);
}

template <typename Graph>
void begin_capture(Graph &, Pool, long)
{
    throw std::runtime_error("it takes LibTorch 2.1 or later");
}

/** @throws c10::Error if the allocator knows of no recording; it can be told since LibTorch 2.3 */
template <typename Allocator>
auto end_pool(Allocator *allocator, c10::DeviceIndex index, Pool pool, int)
    -> decltype(allocator->endAllocateToPool(index, pool))
{
    allocator->endAllocateToPool(index, pool);
    allocator->releasePool(index, pool);
}

template <typename Allocator>
void end_pool(Allocator *, c10::DeviceIndex, Pool, long)
{
}

/**
 * End a recording that is of no use. Up to LibTorch 2.11 the graph leaves the
 * allocator in the belief that it goes on, so that it gives no memory back any
 * more; later ones tell it in reset().
 */
void abandon(at::cuda::CUDAGraph &graph, c10::DeviceIndex index, Pool pool) noexcept
{
    try {
        graph.capture_end();
    } catch (...) {
        // why it is of no use is known already
    }
    try {
        graph.reset();
        end_pool(c10::cuda::CUDACachingAllocator::get(), index, pool, 0);
    } catch (...) {
        // it knew
    }
}

class GraphRecording : public Recording {
public:
    GraphRecording(const at::Tensor &input,
                   const std::function<at::Tensor(const at::Tensor &)> &forward)
        : input_(input)
    {
        // what CUDAStream does itself takes the runtime library, which is not linked
        const c10::Stream stream = c10::cuda::getCurrentCUDAStream().unwrap();

        // libraries prepare themselves in the first runs, which cannot be recorded
        for (int i = 0; i < 3; i++)
            forward(input_);
        stream.synchronize();
        // the recording has memory of its own
        release_memory();

        const Pool pool = at::cuda::graph_pool_handle();
        begin_capture(graph_, pool, 0);
        try {
            output_ = forward(input_);
            graph_.capture_end();
        } catch (...) {
            abandon(graph_, stream.device_index(), pool);
            throw;
        }
        // what is wrong with it is to show now
        graph_.replay();
        stream.synchronize();
    }

    const at::Tensor &input() const override { return input_; }

    at::Tensor replay() override
    {
        graph_.replay();
        return output_;
    }

private:
    at::Tensor          input_, output_;
    at::cuda::CUDAGraph graph_; // freed first: the tensors' memory is its own
};

} // namespace

bool takes_surfaces(c10::Device device)
{
    return device.is_cuda();
}

std::unique_ptr<SurfaceKernels> open_kernels(c10::Device device, const DeviceStream &stream)
{
    return std::make_unique<DeviceKernels>(nullptr, device, stream);
}

std::unique_ptr<FrameIO> open_surfaces(const AVBufferRef *frames, const PixelOptions &options,
                                         int64_t channels, c10::Device device,
                                         const DeviceStream &stream)
{
    if (!frames)
        throw std::invalid_argument("the CUDA frames come without a hardware frames context");

    const AVHWFramesContext *context = reinterpret_cast<const AVHWFramesContext *>(frames->data);
    return std::make_unique<SurfaceIO>(
        SurfaceMap(context->sw_format, options, channels),
        std::make_unique<DeviceKernels>(context->device_ref, device, stream), device, stream);
}

void release_memory() noexcept
{
    try {
        c10::cuda::CUDACachingAllocator::emptyCache();
    } catch (...) {
        // then there is no more of it
    }
}

std::unique_ptr<Recording> record(const at::Tensor &input,
                                  const std::function<at::Tensor(const at::Tensor &)> &forward)
{
    return std::make_unique<GraphRecording>(input, forward);
}

} // namespace cuda
} // namespace fftorch

#else

namespace fftorch {
namespace cuda {

constexpr char not_built[] = "this FFmpeg was built without what CUDA frames and graphs take: "
                             "LibTorch with CUDA, nv-codec-headers and cuda-llvm or cuda-nvcc";

bool takes_surfaces(c10::Device)
{
    return false;
}

std::unique_ptr<SurfaceKernels> open_kernels(c10::Device, const DeviceStream &)
{
    throw std::invalid_argument(not_built);
}

std::unique_ptr<FrameIO> open_surfaces(const AVBufferRef *, const PixelOptions &, int64_t,
                                         c10::Device, const DeviceStream &)
{
    throw std::invalid_argument(not_built);
}

void release_memory() noexcept
{
}

std::unique_ptr<Recording> record(const at::Tensor &,
                                  const std::function<at::Tensor(const at::Tensor &)> &)
{
    throw std::invalid_argument(not_built);
}

} // namespace cuda
} // namespace fftorch

#endif
