/*
 * Pictures for the tests of frames and tensors.
 *
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
 * av_read_image_line2() tells what a frame holds, whatever its format.
 */

#ifndef TESTS_DNN_PICTURE_H
#define TESTS_DNN_PICTURE_H

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "libavfilter/dnn/torch/frame.h"

extern "C" {
#include "libavutil/imgutils.h"
#include "libavutil/intfloat.h"
#include "libavutil/lfg.h"
#include "libavutil/pixdesc.h"
}

namespace fftorch {

inline AVLFG lfg;

[[noreturn]] inline void fail(const std::string &what)
{
    throw std::runtime_error(what);
}

/** A picture and the samples of its components. */
struct Picture {
    OwnedFrame frame{ av_frame_alloc() };
    const AVPixFmtDescriptor &desc;

    Picture(AVPixelFormat format, int w, int h) : desc(*av_pix_fmt_desc_get(format))
    {
        frame->format = format;
        frame->width  = w;
        frame->height = h;
        if (av_frame_get_buffer(frame.get(), 64) < 0)
            fail("no memory");
        for (int i = 0; i < 4 && frame->buf[i]; i++)
            memset(frame->buf[i]->data, 0, frame->buf[i]->size);
    }

    bool is_float() const { return desc.flags & AV_PIX_FMT_FLAG_FLOAT; }
    double white() const { return is_float() ? 1 : (1 << desc.comp[0].depth) - 1; }

    int plane_width(int c) const
    {
        return c == 1 || c == 2 ? AV_CEIL_RSHIFT(frame->width, desc.log2_chroma_w) : frame->width;
    }
    int plane_height(int c) const
    {
        return c == 1 || c == 2 ? AV_CEIL_RSHIFT(frame->height, desc.log2_chroma_h) : frame->height;
    }

    std::vector<uint32_t> line(int c, int y) const
    {
        std::vector<uint32_t> samples(plane_width(c));
        av_read_image_line2(samples.data(), const_cast<const uint8_t **>(frame->data), frame->linesize,
                            &desc, 0, y, c, samples.size(), 0, 4);
        return samples;
    }

    /** Once for each line, for libavutil adds the bits to those there are. */
    void set_line(int c, int y, const std::vector<uint32_t> &samples)
    {
        av_write_image_line2(samples.data(), frame->data, frame->linesize,
                             &desc, 0, y, c, samples.size(), 4);
    }

    /** Black and white are among the samples of each line. */
    void randomise()
    {
        for (int c = 0; c < desc.nb_components; c++)
            for (int y = 0; y < plane_height(c); y++) {
                std::vector<uint32_t> samples(plane_width(c));
                for (uint32_t &sample : samples)
                    sample = is_float() ? av_float2int(av_lfg_get(&lfg) / 4294967295.0f)
                                        : av_lfg_get(&lfg) & ((1u << desc.comp[c].depth) - 1);
                samples.front() = 0;
                samples.back()  = is_float() ? av_float2int(1) : (1u << desc.comp[c].depth) - 1;
                set_line(c, y, samples);
            }
    }

    float value(uint32_t sample) const { return is_float() ? av_int2float(sample) : sample; }
};

} // namespace fftorch

#endif /* TESTS_DNN_PICTURE_H */
