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

#include "passthrough.h"

#include <algorithm>
#include <cstring>
#include <cstdint>
#include <new>
#include <stdexcept>

extern "C" {
#include "libavutil/imgutils.h"
#include "libavutil/macros.h"
#include "libavutil/pixdesc.h"
}

namespace fftorch {
namespace {

/** @return a format that swscale can scale a plane as */
AVPixelFormat plane_format(int components, const AVComponentDescriptor &comp, bool is_float)
{
    if (is_float)
        return AV_PIX_FMT_GRAYF32;
    if (components == 2)
        return AV_PIX_FMT_YA8;
    if (comp.shift)
        return AV_PIX_FMT_GRAY16;

    switch (comp.depth) {
    case 8:  return AV_PIX_FMT_GRAY8;
    case 9:  return AV_PIX_FMT_GRAY9;
    case 10: return AV_PIX_FMT_GRAY10;
    case 12: return AV_PIX_FMT_GRAY12;
    case 14: return AV_PIX_FMT_GRAY14;
    default: return AV_PIX_FMT_GRAY16;
    }
}

/** Copy samples from lines with one step to lines with another, in bytes. */
void copy_samples(uint8_t *dst, ptrdiff_t dst_linesize, int dst_step,
                  const uint8_t *src, ptrdiff_t src_linesize, int src_step,
                  int size, int width, int height)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            memcpy(dst + y * dst_linesize + x * dst_step,
                   src + y * src_linesize + x * src_step, size);
}

} // namespace

void Passthrough::scale(int plane, const Picture &in, const Picture &out, int components,
                  const AVComponentDescriptor &comp, bool is_float)
{
    const AVPixelFormat format = plane_format(components, comp, is_float);

    scalers_[plane].reset(sws_getCachedContext(scalers_[plane].release(),
                                               in.width, in.height, format,
                                               out.width, out.height, format,
                                               SWS_BICUBIC, NULL, NULL, NULL));
    if (!scalers_[plane])
        throw std::bad_alloc();
    // of planes it takes four, whatever the format
    const uint8_t *const src[4] = { in.data };
    uint8_t *const dst[4] = { out.data };
    const int src_linesize[4] = { in.linesize }, dst_linesize[4] = { out.linesize };
    if (sws_scale(scalers_[plane].get(), src, src_linesize, 0, in.height, dst, dst_linesize) < 0)
        throw std::runtime_error("chroma or alpha could not be scaled");

    // samples in the upper bits: between them there are no others
    for (int y = 0; comp.shift && y < out.height; y++) {
        uint16_t *line = reinterpret_cast<uint16_t *>(
            out.data + y * static_cast<ptrdiff_t>(out.linesize));
        const int half = 1 << (comp.shift - 1);
        for (int x = 0; x < components * out.width; x++)
            line[x] = std::min(line[x] + half, 0xffff) >> comp.shift << comp.shift;
    }
}

void Passthrough::pass_sample(const Picture &in, const Picture &out, const AVComponentDescriptor &comp)
{
    const int size = comp.depth > 8 ? 2 : 1;
    uint8_t *const src = in.data + comp.offset;
    uint8_t *const dst = out.data + comp.offset;

    if (in.width == out.width && in.height == out.height) {
        copy_samples(dst, out.linesize, comp.step, src, in.linesize, comp.step,
                     size, in.width, in.height);
        return;
    }

    Picture planes[2] = { in, out };
    for (int i = 0; i < 2; i++) {
        planes[i].linesize = FFALIGN(planes[i].width * size, 64);
        buffers_[i].resize(planes[i].linesize * (planes[i].height + size_t{ 1 }));
        planes[i].data = buffers_[i].data();
    }
    copy_samples(planes[0].data, planes[0].linesize, size, src, in.linesize, comp.step,
                 size, in.width, in.height);
    scale(comp.plane, planes[0], planes[1], 1, comp, false);
    copy_samples(dst, out.linesize, comp.step, planes[1].data, planes[1].linesize, size,
                 size, out.width, out.height);
}

void Passthrough::run(const AVFrame &in, AVFrame &out, Color color)
{
    const AVPixelFormat format = static_cast<AVPixelFormat>(in.format);
    const AVPixFmtDescriptor &desc = *av_pix_fmt_desc_get(format);
    bool by_network[4] = {}; ///< planes
    int  components[4] = {}; ///< of each plane that the network does not write to

    const std::vector<int> channels = frame_channels(format, color);
    for (int i : channels)
        by_network[desc.comp[i].plane] = true;

    for (int i = 0; i < desc.nb_components; i++)
        if (!by_network[desc.comp[i].plane])
            components[desc.comp[i].plane]++;

    for (int i = 0; i < desc.nb_components; i++) {
        const AVComponentDescriptor &comp = desc.comp[i];
        const int plane = comp.plane;
        const bool chroma = i == 1 || i == 2;
        const int shift_w = chroma ? desc.log2_chroma_w : 0;
        const int shift_h = chroma ? desc.log2_chroma_h : 0;
        const Picture src = { in.data[plane], in.linesize[plane],
                              AV_CEIL_RSHIFT(in.width, shift_w), AV_CEIL_RSHIFT(in.height, shift_h) };
        const Picture dst = { out.data[plane], out.linesize[plane],
                              AV_CEIL_RSHIFT(out.width, shift_w), AV_CEIL_RSHIFT(out.height, shift_h) };

        if (by_network[plane] || (components[plane] == 2 && comp.depth > 8)) {
            if (std::find(channels.begin(), channels.end(), i) == channels.end())
                pass_sample(src, dst, comp);
        } else if (components[plane]) {
            // of two components in a plane the first does it for both
            if (src.width == dst.width && src.height == dst.height)
                av_image_copy_plane(dst.data, dst.linesize, src.data, src.linesize,
                                    src.width * comp.step, src.height);
            else
                scale(plane, src, dst, components[plane], comp, desc.flags & AV_PIX_FMT_FLAG_FLOAT);
            components[plane] = 0;
        }
    }
}

} // namespace fftorch
