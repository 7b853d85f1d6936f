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
 * Frames in memory of the CPU for a network on another device. What crosses
 * the bus are the frame's own bytes; the device converts them.
 */

#ifndef AVFILTER_DNN_TORCH_IO_STAGED_H
#define AVFILTER_DNN_TORCH_IO_STAGED_H

#include <functional>
#include <memory>
#include <vector>

#include <ATen/ATen.h>

#include "device.h"
#include "io.h"
#include "io_cuda.h"

namespace fftorch {

class StagedIO : public FrameIO {
public:
    /** Opens the kernels for a stream. @return NULL: they cannot be had */
    using OpenKernels = std::function<std::unique_ptr<SurfaceKernels>()>;

    /**
     * @param stream       to which the thread that uses it has the device's work go
     * @param open_kernels called where there are kernels for the format, which then
     *                     convert each frame at once, on the same stream. Without
     *                     them LibTorch's operators do it, in several passes
     * @throws std::invalid_argument if the options do not fit the format
     */
    StagedIO(AVPixelFormat format, const PixelOptions &options, c10::Device device,
               const DeviceStream &stream, const OpenKernels &open_kernels = nullptr);

    c10::Device device() const override { return device_; }
    int channels() const override { return map_.channels(); }
    void load(size_t source, int x, int y, const at::Tensor &chw) override;
    void store(const at::Tensor &chw, size_t output, int x, int y) override;
    void wait() override;
    void close() override;
    void release() override;

protected:
    void begin() override;

private:
    /** Samples of frames of one size, on both sides of the bus. One after the other. */
    struct Side {
        int width = 0, height = 0;
        /** For each plane: samples of a line, and before the plane; 0 and -1: left out. */
        int64_t pitch[4], start[4];
        int64_t frame_samples = 0; ///< of a frame
        std::vector<int64_t> first; ///< sample of a frame, for each channel
        bool together = false;     ///< one view can be all channels
        at::Tensor host, device;   ///< [samples], made in this order
    };

    void arrange(Side &side, const AVFrame &frame, size_t frames);
    void find_channels(Side &side) const;
    template <typename Function>
    void for_planes(const Side &side, size_t frame, const Function &function) const;
    /** @return samples [C, rows, columns] of some channels in a row, a view */
    at::Tensor samples(const Side &side, size_t frame, size_t channel, size_t channels,
                       int x, int y, int64_t rows, int64_t columns) const;
    /** @return where a channel's samples are from a pixel on, for the kernels */
    DNNCudaPlane plane(const Side &side, size_t frame, int channel, int x, int y) const;
    void load_channels(const Side &side, size_t frame, int x, int y, size_t from, size_t n,
                       const at::Tensor &chw) const;
    void store_channels(const Side &side, size_t frame, int x, int y, size_t from, size_t n,
                        const at::Tensor &chw) const;

    AVPixelFormat  format_;
    Color          color_;
    FrameMap       map_;
    c10::Device    device_;
    const DeviceStream &stream_;
    std::unique_ptr<SurfaceKernels> kernels_; ///< or NULL
    at::ScalarType type_;                 ///< that holds a sample's bits
    at::Tensor     sub_, div_, mul_, add_; ///< [C, 1, 1], see LoadMap and StoreMap; without kernels
    Side           in_, out_;
    Passthrough          passthrough_;
};

} // namespace fftorch

#endif /* AVFILTER_DNN_TORCH_IO_STAGED_H */
