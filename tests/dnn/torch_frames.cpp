/*
 * Compare the conversion between frames and tensors with libavutil's own idea
 * of the pixel formats.
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
 * av_read_image_line2() tells what a frame holds, LibTorch how a float becomes
 * a half or a bfloat16. Every format goes through every sort of tensor, with
 * an odd size and lines that are longer than the picture.
 */

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <map>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "libavfilter/dnn/torch/passthrough.h"
#include "libavfilter/dnn/torch/frame.h"
#include "picture.h"

extern "C" {
#include "libavutil/cpu.h"
}

namespace {

using namespace fftorch;

constexpr int width = 533, height = 5; // more than the conversion does at a time

at::Tensor make_tensor(int channels, int h, int w, at::ScalarType type, int layout)
{
    const at::TensorOptions options = at::TensorOptions().dtype(type);

    // planar, interleaved, and a part of a tensor with more channels
    if (layout == 0)
        return at::zeros({ channels, h, w }, options);
    if (layout == 1)
        return at::zeros({ h, w, channels }, options).permute({ 2, 0, 1 });
    return at::zeros({ h, w, channels + 2 }, options).permute({ 2, 0, 1 }).narrow(0, 1, channels);
}

void check_load(const Picture &picture, const std::vector<int> &components, const FrameMap &map,
                const PixelOptions &options, at::ScalarType type, int layout)
{
    const int x = 3, y = 1, pad = 2;
    const int w = width - x + pad, h = height - y + pad;
    const at::Tensor tensor = make_tensor(components.size(), h, w, type, layout);
    const bool plain = options.scale.size() == 1;

    map.load(*picture.frame, x, y, tensor);

    at::Tensor expected = at::zeros({ static_cast<int64_t>(components.size()), h, w }, at::kFloat);
    auto set = expected.accessor<float, 3>();
    for (size_t c = 0; c < components.size(); c++)
        for (int i = 0; i < h; i++) {
            const std::vector<uint32_t> line = picture.line(components[c], std::min(y + i, height - 1));
            for (int k = 0; k < w; k++) {
                const float sample = picture.value(line[std::min(x + k, width - 1)]);
                set[c][i][k] = plain ? sample / static_cast<float>(picture.white())
                    : (sample * 255 / picture.white() - options.mean[c]) / options.scale[c];
            }
        }
    if (plain ? !at::equal(tensor, expected.to(type))
              : !at::allclose(tensor.to(at::kFloat), expected, type == at::kFloat ? 1e-5 : 1e-2, 1e-3))
        fail("frame to tensor");
}

void check_store(const Picture &source, const std::vector<int> &components, const FrameMap &map,
                 const PixelOptions &options, at::ScalarType type, int layout)
{
    Picture result(static_cast<AVPixelFormat>(source.frame->format), width, height);
    Picture before(static_cast<AVPixelFormat>(source.frame->format), width, height);
    const int x = 3, y = 1;
    const at::Tensor tensor = make_tensor(components.size(), height - y, width - x, type, layout);
    const double white = source.white();

    result.randomise();
    av_frame_copy(before.frame.get(), result.frame.get());

    // a bit beyond black and white
    tensor.copy_(at::rand({ static_cast<int64_t>(components.size()), height - y, width - x }) * 1.2 - 0.1);
    tensor[0][0][0] = NAN;
    tensor[0][0][1] = INFINITY;
    tensor[0][0][2] = -INFINITY;
    map.store(tensor, *result.frame, x, y);

    const at::Tensor values = tensor.to(at::kFloat).contiguous();
    const auto value = values.accessor<float, 3>();
    for (int c = 0; c < source.desc.nb_components; c++)
        for (int i = 0; i < result.plane_height(c); i++) {
            const std::vector<uint32_t> line = result.line(c, i), old = before.line(c, i);
            size_t channel = 0;
            while (channel < components.size() && components[channel] != c)
                channel++;
            for (size_t k = 0; k < line.size(); k++) {
                if (channel == components.size() || i < y || k < static_cast<size_t>(x)) {
                    if (line[k] != old[k])
                        fail("a sample changed that no element belongs to");
                    continue;
                }
                const float  element = value[channel][i - y][k - x];
                const double scale = options.scale.size() == 1 ? 255 : options.scale[channel];
                const double mean  = options.scale.size() == 1 ? 0 : options.mean[channel];
                double sample = options.range == RANGE_UNIT   ? element * white :
                                options.range == RANGE_BYTE   ? element * white / 255 :
                                options.range == RANGE_SIGNED ? (element + 1) * white / 2 :
                                                                (element * scale + mean) * white / 255;
                if (source.is_float()) {
                    const float got = source.value(line[k]);
                    if (!(std::abs(got - sample) <= 1e-5 * std::max(1.0, std::abs(sample))) &&
                        !(std::isnan(sample) && std::isnan(got)) && got != sample)
                        fail("tensor to float samples");
                    continue;
                }
                sample = sample > 0 ? std::min(sample, white) : 0;
                if (std::abs(line[k] - sample) > 0.5 + white * 1e-6)
                    fail("tensor to frame");
            }
        }
}

/** What comes from a frame goes back to it unchanged. */
void check_round_trip(const Picture &picture, const FrameMap &map, at::ScalarType type,
                      int layout, Color color)
{
    Picture copy(static_cast<AVPixelFormat>(picture.frame->format), width, height);
    const at::Tensor tensor = make_tensor(map.channels(), height, width, type, layout);
    Passthrough carry;

    map.load(*picture.frame, 0, 0, tensor);
    map.store(tensor, *copy.frame, 0, 0);
    carry.run(*picture.frame, *copy.frame, color);
    for (int c = 0; c < picture.desc.nb_components; c++)
        for (int y = 0; y < picture.plane_height(c); y++)
            if (picture.line(c, y) != copy.line(c, y))
                fail("round trip");
}

/** A uniform component stays what it is when it is scaled. */
void check_scaled(AVPixelFormat format, Color color, const std::vector<int> &components)
{
    Picture in(format, 33, 17), out(format, 66, 34);
    Passthrough carry;

    for (int c = 0; c < in.desc.nb_components; c++)
        for (int y = 0; y < in.plane_height(c); y++)
            in.set_line(c, y, std::vector<uint32_t>(in.plane_width(c),
                        in.is_float() ? av_float2int(0.25f) : 40u + 60 * c));
    carry.run(*in.frame, *out.frame, color);
    for (int c = 0; c < in.desc.nb_components; c++) {
        if (std::count(components.begin(), components.end(), c))
            continue;
        for (int y = 0; y < out.plane_height(c); y++)
            for (uint32_t sample : out.line(c, y))
                if (std::abs(out.value(sample) - in.value(in.line(c, 0)[0])) > (in.is_float() ? 1e-4 : 0))
                    fail("a scaled component");
    }
}

void check_format(AVPixelFormat format, Color color)
{
    const std::vector<int> components = frame_channels(format, color);
    const at::ScalarType types[] = { at::kFloat, at::kHalf, at::kBFloat16 };
    Picture picture(format, width, height);
    PixelOptions options, normalised;

    options.color = normalised.color = color;
    normalised.scale = { 58, 57, 57.5 };
    normalised.mean  = { 123.5, 116, 104 };
    normalised.scale.resize(components.size());
    normalised.mean.resize(components.size());
    if (components.size() == 1)
        normalised.scale = { 58 }, normalised.mean = { 0 };

    picture.randomise();
    for (at::ScalarType type : types)
        for (int layout = 0; layout < 3; layout++) {
            check_load(picture, components, FrameMap(format, options), options, type, layout);
            if (components.size() > 1)
                check_load(picture, components, FrameMap(format, normalised), normalised, type, layout);
            for (Range range : { RANGE_INPUT, RANGE_UNIT, RANGE_BYTE, RANGE_SIGNED }) {
                options.range = range;
                check_store(picture, components, FrameMap(format, options), options, type, layout);
            }
            options.range = RANGE_INPUT;
            if (components.size() > 1)
                check_store(picture, components, FrameMap(format, normalised), normalised, type, layout);
            if (type == at::kFloat || picture.desc.comp[0].depth == 8)
                check_round_trip(picture, FrameMap(format, options), type, layout, color);
        }
    check_scaled(format, color, components);
}

} // namespace

/** With an argument: a table of what went through. */
int main(int argc, char **argv)
{
    static const char *const names[] = { "auto", "rgb", "bgr", "y", "yuv" };
    std::map<std::string, std::string> rows;
    int nb_failed = 0;

    av_lfg_init(&lfg, 1);
    at::manual_seed(1);
    for (int cpu_flags : { 0, -1 }) {
        av_force_cpu_flags(cpu_flags);
        for (Color color : { COLOR_AUTO, COLOR_RGB, COLOR_BGR, COLOR_Y, COLOR_YUV }) {
            for (AVPixelFormat format : frame_formats(color, 0)) {
                if (format == AV_PIX_FMT_NONE)
                    break;
                try {
                    check_format(format, color);
                    if (cpu_flags && color != COLOR_AUTO)
                        rows[av_get_pix_fmt_name(format)] += std::string(" ") + names[color];
                } catch (const std::exception &e) {
                    printf("%s, color=%s, CPU flags %d: %s\n", av_get_pix_fmt_name(format),
                           names[color], cpu_flags, e.what());
                    nb_failed++;
                }
            }
        }
    }
    for (const auto &[format, colors] : rows)
        if (argc > 1)
            printf("%s:%s\n", format.c_str(), colors.c_str());
    return nb_failed > 0;
}
