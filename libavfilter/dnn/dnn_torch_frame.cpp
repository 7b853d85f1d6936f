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

#include "dnn_torch_frame.h"

#include <stdexcept>
#include <string>

#include "dnn_torch_pixels.h"

extern "C" {
#include "libavutil/imgutils.h"
#include "libavutil/pixdesc.h"
}

namespace fftorch {
namespace {

enum class Samples {
    None,
    Packed8, ///< three 8-bit samples a pixel, in the order of the channels
    Plane8,  ///< 8-bit samples in the first plane
    PlaneF,  ///< float samples in the first plane
};

Samples samples_of(AVPixelFormat format)
{
    switch (format) {
    case AV_PIX_FMT_RGB24:
    case AV_PIX_FMT_BGR24:
        return Samples::Packed8;
    case AV_PIX_FMT_GRAY8:
    case AV_PIX_FMT_YUV420P:
    case AV_PIX_FMT_YUV422P:
    case AV_PIX_FMT_YUV444P:
    case AV_PIX_FMT_YUV410P:
    case AV_PIX_FMT_YUV411P:
    case AV_PIX_FMT_NV12:
        return Samples::Plane8;
    case AV_PIX_FMT_GRAYF32:
        return Samples::PlaneF;
    default:
        return Samples::None;
    }
}

/** The samples of a tensor [C, H, W] as rows. */
struct Rows {
    float  *data;
    int64_t channel_stride; ///< in floats, like the others
    int64_t row_stride;
    bool    interleaved;    ///< the channels of a pixel are neighbours

    explicit Rows(const at::Tensor &chw)
        : data(chw.data_ptr<float>()), channel_stride(chw.stride(0)),
          row_stride(chw.stride(1)), interleaved(is_interleaved(chw))
    {
    }

    static bool is_planar(const at::Tensor &chw)
    {
        return chw.stride(2) == 1 || chw.size(2) == 1;
    }

    static bool is_interleaved(const at::Tensor &chw)
    {
        return !is_planar(chw) && chw.stride(0) == 1 &&
               chw.stride(2) == chw.size(0);
    }

    float *row(int y, int channel = 0) const
    {
        return data + channel * channel_stride + y * row_stride;
    }
};

} // namespace

int frame_channels(AVPixelFormat format)
{
    switch (samples_of(format)) {
    case Samples::Packed8: return 3;
    case Samples::Plane8:
    case Samples::PlaneF:  return 1;
    default:               return 0;
    }
}

void frame_to_tensor(const AVFrame &frame, const at::Tensor &chw)
{
    const PixelKernels &kernels = pixel_kernels();
    const Samples samples = samples_of(static_cast<AVPixelFormat>(frame.format));
    const Rows dst(chw);

    for (int y = 0; y < frame.height; y++) {
        const uint8_t *src = frame.data[0] + y * static_cast<ptrdiff_t>(frame.linesize[0]);

        if (samples == Samples::PlaneF) {
            const float *floats = reinterpret_cast<const float *>(src);
            std::copy(floats, floats + frame.width, dst.row(y));
        } else if (samples == Samples::Plane8) {
            kernels.load(dst.row(y), src, frame.width);
        } else if (dst.interleaved) {
            kernels.load(dst.row(y), src, 3 * frame.width);
        } else {
            float *const planes[3] = { dst.row(y, 0), dst.row(y, 1), dst.row(y, 2) };
            kernels.load_packed3(planes, src, frame.width);
        }
    }
}

void tensor_to_frame(const at::Tensor &chw, AVFrame &frame)
{
    const AVPixelFormat format = static_cast<AVPixelFormat>(frame.format);
    const PixelKernels &kernels = pixel_kernels();
    const Samples samples = samples_of(format);

    if (chw.size(0) != frame_channels(format) ||
        chw.size(1) != frame.height || chw.size(2) != frame.width)
        throw std::runtime_error("it returned " + std::to_string(chw.size(0)) +
            " channels of " + std::to_string(chw.size(2)) + "x" +
            std::to_string(chw.size(1)) + ", the " + av_get_pix_fmt_name(format) +
            " output has " + std::to_string(frame_channels(format)) + " of " +
            std::to_string(frame.width) + "x" + std::to_string(frame.height));

    const bool direct = Rows::is_planar(chw) || Rows::is_interleaved(chw);
    const at::Tensor tensor = direct ? chw : chw.contiguous();
    const Rows src(tensor);

    for (int y = 0; y < frame.height; y++) {
        uint8_t *dst = frame.data[0] + y * static_cast<ptrdiff_t>(frame.linesize[0]);

        if (samples == Samples::PlaneF) {
            std::copy(src.row(y), src.row(y) + frame.width,
                      reinterpret_cast<float *>(dst));
        } else if (samples == Samples::Plane8) {
            kernels.store(dst, src.row(y), frame.width);
        } else if (src.interleaved) {
            kernels.store(dst, src.row(y), 3 * frame.width);
        } else {
            const float *const planes[3] = { src.row(y, 0), src.row(y, 1), src.row(y, 2) };
            kernels.store_packed3(dst, planes, frame.width);
        }
    }
}

} // namespace fftorch
