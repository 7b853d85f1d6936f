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
 * Frames in memory of a CUDA device, for a network on it: no pixel leaves the
 * device. Colours are converted where the network takes others than the frames
 * have. Who runs the kernels is left open: the test does it on the CPU.
 */

#ifndef AVFILTER_DNN_TORCH_IO_CUDA_H
#define AVFILTER_DNN_TORCH_IO_CUDA_H

#include <memory>
#include <vector>

#include <ATen/ATen.h>

#include "cuda_kernels.h"
#include "device.h"
#include "frame.h"
#include "io.h"

extern "C" {
#include "libavutil/frame.h"
#include "libavutil/pixfmt.h"
}

namespace fftorch {

/** @return the tensor as floats, halfs or bfloat16s: itself, or a copy */
at::Tensor for_kernels(const at::Tensor &tensor);

/** What the kernels are to be told for a tensor [C, H, W] of those. */
DNNCudaTensor cuda_tensor(const at::Tensor &chw);

/** What the kernels are to be told for the surfaces of a format. */
class SurfaceMap {
public:
    /**
     * @param format   of the surfaces, one that libavutil has for CUDA
     * @param channels that the network takes, 0: any number
     * @throws std::invalid_argument if the options do not fit the format
     */
    SurfaceMap(AVPixelFormat format, const PixelOptions &options, int64_t channels);

    int channels() const { return converted_ ? 3 : components_.size(); }
    bool wide() const { return size_ == 2; }

    /** @param chw as for FrameIO::load() */
    DNNCudaLoad load(const AVFrame &frame, int x, int y, const at::Tensor &chw) const;

    /** @param chw tensor [C, H, W] of float, half or bfloat16, of the frame's size */
    DNNCudaStore store(const at::Tensor &chw, const AVFrame &frame) const;

    /** @return what of a frame does not go through the network */
    std::vector<DNNCudaCarry> carry(const AVFrame &in, const AVFrame &out) const;

private:
    DNNCudaPlane plane(const AVFrame &frame, int component) const;
    /** Of chroma samples: [0] from left to right, [1] from top to bottom, in pixels. */
    void chroma_position(const AVFrame &frame, double position[2]) const;

    const struct AVPixFmtDescriptor *desc_;
    PixelOptions options_;
    std::vector<int> components_; ///< for the channels; Y, U and V if converted
    bool converted_; ///< YUV for a network that takes RGB
    bool reversed_;  ///< or rather BGR
    int  size_;      ///< of a sample in bytes
};

/** Who runs the kernels, in the order they are given. Functions throw if they cannot. */
class SurfaceKernels {
public:
    virtual ~SurfaceKernels() = default;
    /** What comes next has to wait for who made the frames. */
    virtual void wait_for_frames() = 0;
    virtual void load(const DNNCudaLoad &load, bool wide) = 0;
    virtual void store(const DNNCudaStore &store, bool wide) = 0;
    virtual void carry(const DNNCudaCarry &carry, bool wide) = 0;
};

class SurfaceIO : public FrameIO {
public:
    /** @param stream where the kernels are run, too */
    SurfaceIO(const SurfaceMap &map, std::unique_ptr<SurfaceKernels> kernels,
                c10::Device device, const DeviceStream &stream)
        : map_(map), kernels_(std::move(kernels)), device_(device), stream_(stream)
    {
    }

    c10::Device device() const override { return device_; }
    int channels() const override { return map_.channels(); }
    void load(size_t source, int x, int y, const at::Tensor &chw) override;
    void store(const at::Tensor &chw, size_t output, int x, int y) override;
    void wait() override;
    void close() override {}
    void release() override { pictures_.clear(); }

protected:
    void begin() override;

private:
    SurfaceMap                      map_;
    std::unique_ptr<SurfaceKernels> kernels_;
    c10::Device                     device_;
    const DeviceStream             &stream_;
    std::vector<at::Tensor>         pictures_; ///< outputs that come in parts, [C, H, W]
};

} // namespace fftorch

#endif /* AVFILTER_DNN_TORCH_IO_CUDA_H */
