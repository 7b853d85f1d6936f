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

#include "frame.h"

#include <algorithm>
#include <stdexcept>
#include <string>

extern "C" {
#include "libavutil/imgutils.h"
#include "libavutil/pixdesc.h"
}

namespace fftorch {
namespace {

const AVPixelFormat formats[] = {
    AV_PIX_FMT_RGB24,      AV_PIX_FMT_BGR24,      AV_PIX_FMT_GBRP,
    AV_PIX_FMT_RGBA,       AV_PIX_FMT_BGRA,       AV_PIX_FMT_ARGB,
    AV_PIX_FMT_ABGR,       AV_PIX_FMT_GBRAP,
    AV_PIX_FMT_GBRP9,      AV_PIX_FMT_GBRP10,     AV_PIX_FMT_GBRP12,
    AV_PIX_FMT_GBRP14,     AV_PIX_FMT_GBRP16,     AV_PIX_FMT_RGB48,
    AV_PIX_FMT_BGR48,      AV_PIX_FMT_RGBA64,     AV_PIX_FMT_BGRA64,
    AV_PIX_FMT_GBRAP10,    AV_PIX_FMT_GBRAP12,    AV_PIX_FMT_GBRAP16,
    AV_PIX_FMT_GBRPF32,    AV_PIX_FMT_GBRAPF32,
    AV_PIX_FMT_GRAY8,      AV_PIX_FMT_YA8,        AV_PIX_FMT_GRAY9,
    AV_PIX_FMT_GRAY10,     AV_PIX_FMT_GRAY12,     AV_PIX_FMT_GRAY14,
    AV_PIX_FMT_GRAY16,     AV_PIX_FMT_YA16,       AV_PIX_FMT_GRAYF32,
    AV_PIX_FMT_YUV410P,    AV_PIX_FMT_YUV411P,    AV_PIX_FMT_YUV420P,
    AV_PIX_FMT_YUV422P,    AV_PIX_FMT_YUV440P,    AV_PIX_FMT_YUV444P,
    AV_PIX_FMT_YUV420P9,   AV_PIX_FMT_YUV422P9,   AV_PIX_FMT_YUV444P9,
    AV_PIX_FMT_YUV420P10,  AV_PIX_FMT_YUV422P10,  AV_PIX_FMT_YUV440P10,
    AV_PIX_FMT_YUV444P10,
    AV_PIX_FMT_YUV420P12,  AV_PIX_FMT_YUV422P12,  AV_PIX_FMT_YUV440P12,
    AV_PIX_FMT_YUV444P12,
    AV_PIX_FMT_YUV420P14,  AV_PIX_FMT_YUV422P14,  AV_PIX_FMT_YUV444P14,
    AV_PIX_FMT_YUV420P16,  AV_PIX_FMT_YUV422P16,  AV_PIX_FMT_YUV444P16,
    AV_PIX_FMT_YUVA420P,   AV_PIX_FMT_YUVA422P,   AV_PIX_FMT_YUVA444P,
    AV_PIX_FMT_YUVA420P10, AV_PIX_FMT_YUVA422P10, AV_PIX_FMT_YUVA444P10,
    AV_PIX_FMT_YUVA422P12, AV_PIX_FMT_YUVA444P12,
    AV_PIX_FMT_YUVA420P16, AV_PIX_FMT_YUVA422P16, AV_PIX_FMT_YUVA444P16,
    AV_PIX_FMT_NV12,       AV_PIX_FMT_NV21,       AV_PIX_FMT_NV16,
    AV_PIX_FMT_NV24,       AV_PIX_FMT_P010,       AV_PIX_FMT_P012,
    AV_PIX_FMT_P016,       AV_PIX_FMT_P210,       AV_PIX_FMT_P216,
    AV_PIX_FMT_P410,       AV_PIX_FMT_P416,
};

/** Pixels that are worked on at a time, so that they stay in the cache. */
constexpr int chunk = 512;

bool has_chroma(const AVPixFmtDescriptor &desc)
{
    return !is_rgb(desc) && desc.nb_components >= 3;
}

void check_values(const std::vector<double> &values, size_t channels, const char *option,
                  AVPixelFormat format)
{
    if (values.size() != 1 && values.size() != channels)
        throw std::invalid_argument(std::string(option) + " has " + std::to_string(values.size()) +
            " values, the network gets " + std::to_string(channels) + " channels of " +
            av_get_pix_fmt_name(format) + " frames");
}

Element element_of(const at::Tensor &tensor)
{
    switch (tensor.scalar_type()) {
    case at::kFloat:    return ELEMENT_F32;
    case at::kHalf:     return ELEMENT_F16;
    case at::kBFloat16: return ELEMENT_BF16;
    default:            return NB_ELEMENTS;
    }
}

} // namespace

double value_for(const std::vector<double> &values, size_t channel)
{
    return values.size() == 1 ? values[0] : values[channel];
}

void check_options(const PixelOptions &options, size_t channels, AVPixelFormat format)
{
    check_values(options.scale, channels, "scale", format);
    check_values(options.mean, channels, "mean", format);
    for (size_t c = 0; c < channels; c++)
        if (!value_for(options.scale, c))
            throw std::invalid_argument("scale must not be 0");
}

bool is_rgb(const AVPixFmtDescriptor &desc)
{
    return desc.flags & AV_PIX_FMT_FLAG_RGB;
}

std::vector<int> frame_channels(AVPixelFormat format, Color color)
{
    const AVPixFmtDescriptor &desc = *av_pix_fmt_desc_get(format);

    switch (color) {
    case COLOR_AUTO:
        return is_rgb(desc) ? std::vector<int>{ 0, 1, 2 } : std::vector<int>{ 0 };
    case COLOR_RGB:
        if (is_rgb(desc))
            return { 0, 1, 2 };
        break;
    case COLOR_BGR:
        if (is_rgb(desc))
            return { 2, 1, 0 };
        break;
    case COLOR_Y:
        if (!is_rgb(desc))
            return { 0 };
        break;
    case COLOR_YUV:
        if (has_chroma(desc) && !desc.log2_chroma_w && !desc.log2_chroma_h)
            return { 0, 1, 2 };
        break;
    }
    return {};
}

std::vector<AVPixelFormat> frame_formats(Color color, int64_t channels)
{
    std::vector<AVPixelFormat> list;

    for (AVPixelFormat format : formats) {
        const int64_t available = frame_channels(format, color).size();
        if (available && (!channels || channels == available))
            list.push_back(format);
    }
    list.push_back(AV_PIX_FMT_NONE);
    return list;
}

void repeat_edges(const at::Tensor &chw, int64_t rows, int64_t columns)
{
    const int64_t height = chw.size(1), width = chw.size(2);

    if (columns < width) {
        const at::Tensor picture = chw.narrow(1, 0, rows);
        picture.narrow(2, columns, width - columns).copy_(
            picture.narrow(2, columns - 1, 1).expand({ -1, -1, width - columns }));
    }
    if (rows < height)
        chw.narrow(1, rows, height - rows).copy_(
            chw.narrow(1, rows - 1, 1).expand({ -1, height - rows, -1 }));
}

FrameMap::FrameMap(AVPixelFormat format, const PixelOptions &options)
{
    const AVPixFmtDescriptor &desc = *av_pix_fmt_desc_get(format);
    const std::vector<int> list = frame_channels(format, options.color);
    const bool is_float = desc.flags & AV_PIX_FMT_FLAG_FLOAT;

    check_options(options, list.size(), format);

    sample_ = is_float ? SAMPLE_F32 : desc.comp[0].depth > 8 ? SAMPLE_U16 : SAMPLE_U8;
    sample_size_ = is_float ? 4 : sample_ == SAMPLE_U16 ? 2 : 1;

    for (size_t c = 0; c < list.size(); c++) {
        const AVComponentDescriptor &comp = desc.comp[list[c]];
        const double scale = value_for(options.scale, c);
        const double mean  = value_for(options.mean, c);
        const double white = is_float ? 1 : (1 << comp.depth) - 1;
        const double shift = 1 << comp.shift;
        Channel channel = {};

        channel.plane  = comp.plane;
        channel.offset = comp.offset;
        channel.step   = comp.step / sample_size_;
        channel.load   = { static_cast<float>(mean / 255 * white * shift),
                           static_cast<float>(scale / 255 * white * shift) };
        channel.store.max   = white;
        channel.store.shift = comp.shift;
        switch (options.range) {
        case RANGE_INPUT:
            channel.store.mul = scale / 255 * white;
            channel.store.add = mean / 255 * white;
            break;
        case RANGE_UNIT:
            channel.store.mul = white;
            break;
        case RANGE_BYTE:
            channel.store.mul = white / 255;
            break;
        case RANGE_SIGNED:
            channel.store.mul = channel.store.add = white / 2;
            break;
        }
        channels_.push_back(channel);
    }

    packed3_ = channels_.size() == 3;
    for (const Channel &channel : channels_)
        packed3_ &= channel.plane == channels_[0].plane && channel.step == 3;
    if (!packed3_)
        return;

    flat_ = options.scale.size() == 1 && options.mean.size() == 1;
    for (int c = 0; c < 3; c++) {
        const int position = channels_[c].offset / sample_size_;
        order_[position] = c;
        flat_ &= position == c;
    }
}

/** A row of a tensor [C, H, W]. */
class FrameMap::Row {
public:
    Row(const at::Tensor &chw, int64_t y, int64_t x = 0)
        : element(element_of(chw)), step(chw.size(2) == 1 ? 1 : chw.stride(2)),
          joined3(chw.size(0) == 3 && step == 3 && chw.stride(0) == 1),
          element_size_(chw.element_size()), channel_stride_(chw.stride(0)),
          data_(static_cast<uint8_t *>(chw.data_ptr()) +
                (y * chw.stride(1) + x * chw.stride(2)) * element_size_)
    {
    }

    /** @return a pixel's element of a channel */
    uint8_t *at(int channel, int64_t x = 0) const
    {
        return data_ + (channel * channel_stride_ + x * step) * element_size_;
    }

    const Element element;
    const int64_t step;    ///< from pixel to pixel, in elements
    const bool    joined3; ///< three channels are all that a pixel has

private:
    const int64_t element_size_, channel_stride_;
    uint8_t *const data_;
};

void FrameMap::load_row(const Row &dst, const uint8_t *const src[], int n) const
{
    const PixelKernels &kernels = pixel_kernels();
    const int nb_channels = channels_.size();

    if (flat_ && dst.joined3) {
        kernels.load[sample_][dst.element](dst.at(0), src[0], 3 * n, channels_[0].load);
        return;
    }
    if (packed3_ && dst.step == 1 && dst.element == ELEMENT_F32) {
        float *rows[3];
        LoadMap maps[3];
        for (int i = 0; i < 3; i++) {
            rows[i] = reinterpret_cast<float *>(dst.at(order_[i]));
            maps[i] = channels_[order_[i]].load;
        }
        kernels.load_packed3[sample_](rows, src[order_[0]], n, maps);
        return;
    }
    if (dst.joined3) {
        float samples[3][chunk];
        const float *const rows[3] = { samples[0], samples[1], samples[2] };
        const LoadMap maps[3] = { channels_[0].load, channels_[1].load, channels_[2].load };
        for (int x = 0; x < n; x += chunk) {
            const int count = std::min(chunk, n - x);
            for (int c = 0; c < 3; c++)
                kernels.gather[sample_](samples[c], src[c] + x * channels_[c].step * sample_size_,
                                        channels_[c].step, count);
            kernels.join3[dst.element](dst.at(0, x), rows, count, maps);
        }
        return;
    }
    for (int c = 0; c < nb_channels; c++) {
        const Channel &channel = channels_[c];
        if (channel.step == 1 && dst.step == 1) {
            kernels.load[sample_][dst.element](dst.at(c), src[c], n, channel.load);
            continue;
        }
        for (int x = 0; x < n; x += chunk) {
            float samples[chunk];
            const int count = std::min(chunk, n - x);
            kernels.gather[sample_](samples, src[c] + x * channel.step * sample_size_,
                                    channel.step, count);
            if (dst.step == 1)
                kernels.load[SAMPLE_F32][dst.element](dst.at(c, x), samples, count, channel.load);
            else
                kernels.scatter[dst.element](dst.at(c, x), dst.step, samples, count, channel.load);
        }
    }
}

void FrameMap::store_row(uint8_t *const dst[], const Row &src, int n) const
{
    const PixelKernels &kernels = pixel_kernels();
    const int nb_channels = channels_.size();

    if (flat_ && src.joined3) {
        kernels.store[sample_][src.element](dst[0], src.at(0), 3 * n, channels_[0].store);
        return;
    }
    if (packed3_) {
        float elements[3][chunk];
        const bool direct = src.step == 1 && src.element == ELEMENT_F32;
        StoreMap maps[3];
        for (int i = 0; i < 3; i++)
            maps[i] = channels_[order_[i]].store;
        for (int x = 0; x < n; x += chunk) {
            const int count = std::min(chunk, n - x);
            const float *rows[3];
            for (int i = 0; i < 3; i++) {
                const uint8_t *row = src.at(order_[i], x);
                if (!direct)
                    kernels.pick[src.element](elements[i], row, src.step, count);
                rows[i] = direct ? reinterpret_cast<const float *>(row) : elements[i];
            }
            kernels.store_packed3[sample_](dst[order_[0]] + 3 * x * sample_size_, rows, count, maps);
        }
        return;
    }
    for (int c = 0; c < nb_channels; c++) {
        const Channel &channel = channels_[c];
        if (channel.step == 1 && src.step == 1) {
            kernels.store[sample_][src.element](dst[c], src.at(c), n, channel.store);
            continue;
        }
        for (int x = 0; x < n; x += chunk) {
            float elements[chunk];
            const int count = std::min(chunk, n - x);
            uint8_t *samples = dst[c] + x * channel.step * sample_size_;
            kernels.pick[src.element](elements, src.at(c, x), src.step, count);
            if (channel.step == 1)
                kernels.store[sample_][ELEMENT_F32](samples, elements, count, channel.store);
            else
                kernels.put[sample_](samples, channel.step, elements, count, channel.store);
        }
    }
}

void FrameMap::load(const AVFrame &frame, int x, int y, const at::Tensor &chw) const
{
    const int64_t height = chw.size(1), width = chw.size(2);
    const int64_t rows    = std::min<int64_t>(height, frame.height - y);
    const int64_t columns = std::min<int64_t>(width, frame.width - x);

    for (int64_t i = 0; i < rows; i++) {
        const uint8_t *src[4];
        for (size_t c = 0; c < channels_.size(); c++) {
            const Channel &channel = channels_[c];
            src[c] = frame.data[channel.plane] + channel.offset +
                     (y + i) * frame.linesize[channel.plane] + x * channel.step * sample_size_;
        }
        load_row(Row(chw, i), src, columns);
    }
    repeat_edges(chw, rows, columns);
}

void FrameMap::store(const at::Tensor &chw, AVFrame &frame, int x, int y) const
{
    const at::Tensor tensor = element_of(chw) == NB_ELEMENTS ? chw.to(at::kFloat) : chw;

    for (int64_t i = 0; i < tensor.size(1); i++) {
        uint8_t *dst[4];
        for (size_t c = 0; c < channels_.size(); c++) {
            const Channel &channel = channels_[c];
            dst[c] = frame.data[channel.plane] + channel.offset +
                     (y + i) * frame.linesize[channel.plane] + x * channel.step * sample_size_;
        }
        store_row(dst, Row(tensor, i), tensor.size(2));
    }
}

} // namespace fftorch
