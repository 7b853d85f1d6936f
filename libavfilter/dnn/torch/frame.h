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

#ifndef AVFILTER_DNN_TORCH_FRAME_H
#define AVFILTER_DNN_TORCH_FRAME_H

#include <memory>
#include <vector>

#include <ATen/ATen.h>

#include "pixels.h"

extern "C" {
#include "libavutil/frame.h"
#include "libavutil/pixdesc.h"
#include "libavutil/pixfmt.h"
#include "options.h"
}

namespace fftorch {

/** Frees a frame that is owned by a smart pointer. */
struct FreeFrame {
    void operator()(const AVFrame *frame) const
    {
        AVFrame *owned = const_cast<AVFrame *>(frame);
        av_frame_free(&owned);
    }
};

using OwnedFrame = std::unique_ptr<AVFrame, FreeFrame>;

struct PixelOptions {
    Color color = COLOR_AUTO;
    Range range = RANGE_INPUT;
    /**
     * The input is (s - mean) / scale for a sample s between 0 and 255,
     * whatever the depth of the format. One value, or one for each channel.
     */
    std::vector<double> scale{ 255 }, mean{ 0 };
};

/** @return the one of scale or mean for a channel */
double value_for(const std::vector<double> &values, size_t channel);

/** @throws std::invalid_argument if scale or mean does not fit so many channels of a format */
void check_options(const PixelOptions &options, size_t channels, AVPixelFormat format);

bool is_rgb(const AVPixFmtDescriptor &desc);

/**
 * @return the components of a format, as its descriptor numbers them, in the
 *         order of the network's channels; empty if it does not have them
 */
std::vector<int> frame_channels(AVPixelFormat format, Color color);

/**
 * @param channels that the network takes, 0: any number
 * @return the formats that have them, AV_PIX_FMT_NONE at the end
 */
std::vector<AVPixelFormat> frame_formats(Color color, int64_t channels);

/**
 * Fill what of a tensor [C, H, W] is beyond the first rows and columns with the
 * last of those.
 */
void repeat_edges(const at::Tensor &chw, int64_t rows, int64_t columns);

/** How the frames of a format and the tensors of a network correspond. */
class FrameMap {
public:
    FrameMap() = default;

    /**
     * @param format one of frame_formats()
     * @throws std::invalid_argument if the options do not fit it
     */
    FrameMap(AVPixelFormat format, const PixelOptions &options);

    /** Where the samples of a channel are, and what they mean. */
    struct Channel {
        int plane;
        int offset; ///< of the first one in its line, in bytes
        int step;   ///< from pixel to pixel, in samples
        LoadMap  load;
        StoreMap store;
    };

    int channels() const { return channels_.size(); }
    const Channel &channel(int c) const { return channels_[c]; }
    Sample sample() const { return sample_; }
    int sample_size() const { return sample_size_; } ///< in bytes

    /**
     * Fill a tensor with a part of a frame.
     *
     * @param x, y the part's upper left corner; what of the tensor lies beyond
     *             the frame repeats the frame's last column and row
     * @param chw  tensor [C, H, W] of float, half or bfloat16 in memory of the
     *             CPU with any strides
     */
    void load(const AVFrame &frame, int x, int y, const at::Tensor &chw) const;

    /**
     * Write a tensor to a part of a frame. What of the frame is no channel of
     * the network stays as it is.
     *
     * @param chw tensor [C, H, W] of floating-point numbers in memory of the
     *            CPU with any strides, that lies within the frame
     */
    void store(const at::Tensor &chw, AVFrame &frame, int x, int y) const;

private:
    class Row;

    void load_row(const Row &dst, const uint8_t *const src[], int n) const;
    void store_row(uint8_t *const dst[], const Row &src, int n) const;

    std::vector<Channel> channels_;
    Sample sample_      = SAMPLE_U8;
    int    sample_size_ = 1;     ///< in bytes
    bool   packed3_     = false; ///< the three channels are all that a plane has
    int    order_[3]    = {};    ///< then: channel of each sample of a pixel
    bool   flat_        = false; ///< then: in the same order, and mapped alike
};

} // namespace fftorch

#endif /* AVFILTER_DNN_TORCH_FRAME_H */
