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
 * The way of frames into the tensors of a network and back. There is one for
 * each place where frames and network can be; who runs the network does not
 * know which.
 */

#ifndef AVFILTER_DNN_TORCH_IO_H
#define AVFILTER_DNN_TORCH_IO_H

#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "passthrough.h"
#include "frame.h"

extern "C" {
#include "libavutil/frame.h"
}

namespace fftorch {

/** A frame that comes out of a network, and the one that it is made from. */
struct FramePair {
    const AVFrame *in;
    AVFrame       *out;
};

/**
 * For one batch after the other: open(), load() and store() as needed, wait(),
 * close(). After a failure anywhere the next thing is open(). For one thread
 * at a time.
 */
class FrameIO {
public:
    virtual ~FrameIO() = default;

    /** @return where the tensors for load() are to be */
    virtual c10::Device device() const = 0;

    /** @return of a tensor for one frame */
    virtual int channels() const = 0;

    /**
     * Begin with a batch. The frames have to stay until close() has returned.
     *
     * @param sources frames for load()
     * @param outputs frames for store()
     */
    void open(std::vector<const AVFrame *> sources, std::vector<FramePair> outputs)
    {
        sources_ = std::move(sources);
        outputs_ = std::move(outputs);
        begin();
    }

    /**
     * Fill a tensor with a part of a source.
     *
     * @param source index of it
     * @param x, y   the part's upper left corner; what of the tensor lies beyond
     *               the frame repeats the frame's last column and row
     * @param chw    tensor [C, H, W] of float, half or bfloat16 with any strides
     */
    virtual void load(size_t source, int x, int y, const at::Tensor &chw) = 0;

    /**
     * Write a tensor to a part of an output.
     *
     * @param chw    tensor [C, H, W] of floating-point numbers with any strides,
     *               on the device, that lies within the frame
     * @param output index of it
     */
    virtual void store(const at::Tensor &chw, size_t output, int x, int y) = 0;

    /** Wait for the device. @throws c10::Error for what failed there */
    virtual void wait() {}

    /** Complete the outputs, with what of them is no channel of the network. */
    virtual void close() = 0;

    /** Give back what memory it keeps from batch to batch. Not between open() and close(). */
    virtual void release() {}

protected:
    virtual void begin() {}

    std::vector<const AVFrame *> sources_;
    std::vector<FramePair>       outputs_;
};

/** Frames and network are where the CPU is. */
class HostIO : public FrameIO {
public:
    /** @throws std::invalid_argument if the options do not fit the format */
    HostIO(AVPixelFormat format, const PixelOptions &options)
        : map_(format, options), color_(options.color)
    {
    }

    c10::Device device() const override { return c10::Device(c10::DeviceType::CPU); }
    int channels() const override { return map_.channels(); }
    void load(size_t source, int x, int y, const at::Tensor &chw) override;
    void store(const at::Tensor &chw, size_t output, int x, int y) override;
    void close() override;

private:
    FrameMap map_;
    Color    color_;
    Passthrough    passthrough_;
};

} // namespace fftorch

#endif /* AVFILTER_DNN_TORCH_IO_H */
