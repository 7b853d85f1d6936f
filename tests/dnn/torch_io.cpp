/*
 * Compare the ways of frames into tensors and back with each other and with
 * what the formats mean.
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
 * What is meant for another device, done on the CPU, where it has to give what
 * FrameMap gives, to the last bit. The kernels for CUDA frames are compiled as
 * C++ here; what they convert is compared with the formulas of the standards.
 */

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "libavfilter/dnn/torch/cuda.h"
#include "libavfilter/dnn/torch/device.h"
#include "libavfilter/dnn/torch/io.h"
#include "libavfilter/dnn/torch/io_staged.h"
#include "libavfilter/dnn/torch/io_cuda.h"
#include "picture.h"

extern "C" {
#include "libavutil/buffer.h"
#include "libavutil/dict.h"
#include "libavutil/hwcontext.h"
}

namespace {
#define DNN_CUDA_ON_HOST
#include "libavfilter/dnn/torch/cuda_kernels.cu"
}

namespace {

using namespace fftorch;

constexpr int width = 37, height = 9;
const at::ScalarType types[] = { at::kFloat, at::kHalf, at::kBFloat16 };

Picture random_picture(AVPixelFormat format, int w, int h)
{
    Picture picture(format, w, h);
    picture.randomise();
    return picture;
}

/** Planar, interleaved, and a part of a tensor with more channels; with a bit beyond black and white. */
at::Tensor random_tensor(int channels, int h, int w, at::ScalarType type, int layout)
{
    const at::TensorOptions options = at::TensorOptions().dtype(type);
    at::Tensor tensor = layout == 0 ? at::empty({ channels, h, w }, options)
                      : layout == 1 ? at::empty({ h, w, channels }, options).permute({ 2, 0, 1 })
                      : at::empty({ h, w, channels + 2 }, options).permute({ 2, 0, 1 })
                            .narrow(0, 1, channels);

    tensor.copy_(at::rand({ channels, h, w }) * 1.2 - 0.1);
    tensor[0][0][0] = NAN;
    tensor[0][0][1] = INFINITY;
    tensor[0][0][2] = -INFINITY;
    return tensor;
}

void check_same(const Picture &a, const Picture &b, const char *what)
{
    // all that is not a number is the same: CUDA has other bits for it
    const auto same = [&](uint32_t left, uint32_t right) {
        return left == right ||
               (a.is_float() && std::isnan(a.value(left)) && std::isnan(b.value(right)));
    };

    for (int c = 0; c < a.desc.nb_components; c++) {
        for (int y = 0; y < a.plane_height(c); y++) {
            const std::vector<uint32_t> left = a.line(c, y), right = b.line(c, y);
            if (!std::equal(left.begin(), left.end(), right.begin(), right.end(), same))
                fail(what);
        }
    }
}

/** Two ports have to do the same to a batch of two, with sources of their own and in two parts. */
void check_ports(FrameIO &one, FrameIO &other, AVPixelFormat format, at::ScalarType type,
                 int layout, int scale)
{
    const Picture in[] = { random_picture(format, width, height),
                           random_picture(format, width, height) };
    Picture a[] = { random_picture(format, width * scale, height * scale),
                    random_picture(format, width * scale, height * scale) };
    Picture b[] = { Picture(format, width * scale, height * scale),
                    Picture(format, width * scale, height * scale) };
    const int channels = one.channels(), x = 3, y = 1, pad = 2, cut = 11;

    for (int i = 0; i < 2; i++)
        av_frame_copy(b[i].frame.get(), a[i].frame.get());
    if (channels != other.channels())
        fail("channels");
    one.open({ in[0].frame.get(), in[1].frame.get() },
             { { in[0].frame.get(), a[0].frame.get() }, { in[1].frame.get(), a[1].frame.get() } });
    other.open({ in[0].frame.get(), in[1].frame.get() },
               { { in[0].frame.get(), b[0].frame.get() }, { in[1].frame.get(), b[1].frame.get() } });

    for (int i = 0; i < 2; i++) {
        const at::Tensor loaded = random_tensor(channels, height - y + pad, width - x + pad, type, layout)
                                      .to(one.device());
        const at::Tensor wanted = random_tensor(channels, height - y + pad, width - x + pad, type, 0);
        one.load(i, x, y, loaded);
        other.load(i, x, y, wanted);
        if (!at::equal(loaded.cpu(), wanted))
            fail("frame to tensor");

        const at::Tensor output = random_tensor(channels, height * scale, width * scale, type, layout);
        for (FrameIO *port : { &one, &other }) {
            const at::Tensor there = output.to(port->device());
            port->store(there.narrow(2, 0, cut), i, 0, 0);
            port->store(there.narrow(2, cut, width * scale - cut), i, cut, 0);
        }
    }
    for (FrameIO *port : { &one, &other }) {
        port->wait();
        port->close();
    }
    for (int i = 0; i < 2; i++)
        check_same(a[i], b[i], "tensor to frame");
}

std::vector<PixelOptions> all_options(AVPixelFormat format, Color color, size_t channels)
{
    const AVPixFmtDescriptor &desc = *av_pix_fmt_desc_get(format);
    std::vector<PixelOptions> list(7);

    for (size_t i = 0; i < list.size(); i++) {
        list[i].color = color;
        list[i].range = static_cast<Range>(std::min<size_t>(i, RANGE_SIGNED));
    }
    list[4].range = list[5].range = list[6].range = RANGE_INPUT;
    list[4].scale = { 58, 57, 57.5 };
    list[4].mean  = { 123.5, 116, 104 };
    list[4].scale.resize(channels);
    list[4].mean.resize(channels);
    list[5].scale = { 1 };
    // the samples themselves, of which many lie between two halfs or bfloat16s
    list[6].scale = { desc.flags & AV_PIX_FMT_FLAG_FLOAT ? 255 : 255.0 / ((1 << desc.comp[0].depth) - 1) };
    return list;
}

/** Runs the kernels here and now. */
class HostKernels : public SurfaceKernels {
public:
    void wait_for_frames() override {}

    void load(const DNNCudaLoad &p, bool wide) override
    {
        for (int y = 0; y < p.tensor.height; y++)
            for (int x = 0; x < p.tensor.width; x++)
                wide ? load_pixel<unsigned short>(p, x, y) : load_pixel<unsigned char>(p, x, y);
    }

    void store(const DNNCudaStore &p, bool wide) override
    {
        for (int y = 0; y * p.block_h < p.tensor.height; y++)
            for (int x = 0; x * p.block_w < p.tensor.width; x++)
                wide ? store_block<unsigned short>(p, x, y) : store_block<unsigned char>(p, x, y);
    }

    void carry(const DNNCudaCarry &p, bool wide) override
    {
        for (int y = 0; y < p.out.height; y++)
            for (int x = 0; x < p.out.width; x++)
                wide ? pass_sample<unsigned short>(p, x, y) : pass_sample<unsigned char>(p, x, y);
    }
};

std::unique_ptr<SurfaceKernels> make_kernels(c10::Device device, const DeviceStream &stream)
{
    if (device.is_cpu())
        return std::make_unique<HostKernels>();
    return cuda::takes_surfaces(device) ? cuda::open_kernels(device, stream) : nullptr;
}

/** Every format that frames in memory of the CPU may have, with LibTorch's operators and with kernels. */
void check_staging(AVPixelFormat format, Color color, c10::Device device)
{
    const DeviceStream stream(device);
    const DeviceStream::Use use(stream);

    for (const PixelOptions &options : all_options(format, color, frame_channels(format, color).size())) {
        HostIO host(format, options);
        StagedIO operators(format, options, device, stream);
        StagedIO kernels(format, options, device, stream,
                           [&] { return make_kernels(device, stream); });

        // what is kept from one batch is not to show in the next, of another size
        for (int i = 0; i < 3; i++)
            for (StagedIO *staged : { &operators, &kernels })
                check_ports(*staged, host, format, types[i], i, 1 + i % 2);
    }
}

/** As libavutil/hwcontext_cuda.c has them. */
const AVPixelFormat surface_formats[] = {
    AV_PIX_FMT_NV12,      AV_PIX_FMT_NV16,         AV_PIX_FMT_YUV420P,      AV_PIX_FMT_YUVA420P,
    AV_PIX_FMT_YUV444P,   AV_PIX_FMT_P010,         AV_PIX_FMT_P012,         AV_PIX_FMT_P016,
    AV_PIX_FMT_P210,      AV_PIX_FMT_P212,         AV_PIX_FMT_P216,         AV_PIX_FMT_YUV422P,
    AV_PIX_FMT_YUV420P10, AV_PIX_FMT_YUV422P10,    AV_PIX_FMT_YUV444P10,    AV_PIX_FMT_YUV444P10MSB,
    AV_PIX_FMT_YUV444P12MSB, AV_PIX_FMT_YUV444P16, AV_PIX_FMT_0RGB32,       AV_PIX_FMT_0BGR32,
    AV_PIX_FMT_RGB32,     AV_PIX_FMT_BGR32,
};

SurfaceIO make_port(AVPixelFormat format, const PixelOptions &options, int64_t channels)
{
    static const DeviceStream stream;

    return SurfaceIO(SurfaceMap(format, options, channels), std::make_unique<HostKernels>(),
                       c10::Device(c10::DeviceType::CPU), stream);
}

/** What is not converted: channels of the network that are components of the surface. */
void check_direct(AVPixelFormat format, Color color)
{
    const size_t channels = frame_channels(format, color).size();

    for (const PixelOptions &options : all_options(format, color, channels)) {
        HostIO host(format, options);
        SurfaceIO surface = make_port(format, options, channels);

        for (int i = 0; i < 3; i++)
            check_ports(surface, host, format, types[i], i, 1);
    }
}

/** Of Y, U and V: what ITU-R BT.601, BT.709 and BT.2020 say. */
struct Standard {
    AVColorSpace space;
    double kr, kb;
};
const Standard standards[] = {
    { AVCOL_SPC_UNSPECIFIED, 0.299,  0.114  },
    { AVCOL_SPC_SMPTE170M,   0.299,  0.114  },
    { AVCOL_SPC_BT709,       0.2126, 0.0722 },
    { AVCOL_SPC_BT2020_NCL,  0.2627, 0.0593 },
};

/** Where the chroma samples are, in pixels right of and below the first of theirs. */
struct Location {
    AVChromaLocation location;
    double x, y;
};
const Location locations[] = {
    { AVCHROMA_LOC_UNSPECIFIED, 0, 0.5 }, { AVCHROMA_LOC_LEFT, 0, 0.5 },
    { AVCHROMA_LOC_CENTER, 0.5, 0.5 },    { AVCHROMA_LOC_TOPLEFT, 0, 0 },
    { AVCHROMA_LOC_TOP, 0.5, 0 },         { AVCHROMA_LOC_BOTTOMLEFT, 0, 1 },
};

double clip01(double value)
{
    return std::min(std::max(value, 0.0), 1.0);
}

/** The formulas in the plainest form, for a picture. */
struct Truth {
    const Picture &picture;
    const Standard &standard;
    const Location &location;
    bool full;
    double top; ///< of a sample

    Truth(Picture &p, const Standard &s, const Location &l, bool f)
        : picture(p), standard(s), location(l), full(f), top(p.white())
    {
        p.frame->colorspace      = s.space;
        p.frame->chroma_location = l.location;
        p.frame->color_range     = f ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    }

    /** From a sample of 8 bits, or of more, to what it means, and back. */
    double meaning(int c, double sample) const
    {
        const double unit = (top + 1) / 256;
        if (!c)
            return full ? sample / top : (sample - 16 * unit) / (219 * unit);
        return full ? (sample - 128 * unit) / top : (sample - 128 * unit) / (224 * unit);
    }
    double sample(int c, double meaning) const
    {
        const double unit = (top + 1) / 256;
        if (!c)
            return full ? meaning * top : meaning * 219 * unit + 16 * unit;
        return full ? meaning * top + 128 * unit : meaning * 224 * unit + 128 * unit;
    }

    void to_rgb(const double yuv[3], double rgb[3]) const
    {
        const double kg = 1 - standard.kr - standard.kb;
        rgb[0] = yuv[0] + 2 * (1 - standard.kr) * yuv[2];
        rgb[2] = yuv[0] + 2 * (1 - standard.kb) * yuv[1];
        rgb[1] = (yuv[0] - standard.kr * rgb[0] - standard.kb * rgb[2]) / kg;
    }
    void to_yuv(const double rgb[3], double yuv[3]) const
    {
        yuv[0] = standard.kr * rgb[0] + (1 - standard.kr - standard.kb) * rgb[1] + standard.kb * rgb[2];
        yuv[1] = (rgb[2] - yuv[0]) / (1 - standard.kb) / 2;
        yuv[2] = (rgb[0] - yuv[0]) / (1 - standard.kr) / 2;
    }

    bool wide_chroma() const { return picture.desc.log2_chroma_w; }
    bool high_chroma() const { return picture.desc.log2_chroma_h; }
};

/** Chroma at a pixel: between the four samples around it. */
double chroma_at(const Truth &truth, const std::vector<std::vector<uint32_t>> &plane, int x, int y)
{
    const double px = truth.wide_chroma() ? (x - truth.location.x) / 2 : x;
    const double py = truth.high_chroma() ? (y - truth.location.y) / 2 : y;
    double sum = 0;

    for (int j = 0; j < 2; j++)
        for (int i = 0; i < 2; i++) {
            const int k = std::floor(px) + i, l = std::floor(py) + j;
            const double weight = (1 - std::abs(px - k)) * (1 - std::abs(py - l));
            const auto &line = plane[std::min<int>(std::max(l, 0), plane.size() - 1)];
            sum += weight * line[std::min<int>(std::max(k, 0), line.size() - 1)];
        }
    return sum;
}

void check_to_rgb(AVPixelFormat format, const Truth &truth, bool bgr)
{
    PixelOptions options;
    options.color = bgr ? COLOR_BGR : COLOR_AUTO;
    SurfaceIO port = make_port(format, options, 3);
    std::vector<std::vector<uint32_t>> planes[3];

    for (int c = 0; c < 3; c++)
        for (int y = 0; y < truth.picture.plane_height(c); y++)
            planes[c].push_back(truth.picture.line(c, y));

    const at::Tensor tensor = at::empty({ 3, height + 1, width + 2 });
    port.open({ truth.picture.frame.get() }, {});
    port.load(0, 0, 0, tensor);
    const auto got = tensor.accessor<float, 3>();
    for (int y = 0; y < height + 1; y++)
        for (int x = 0; x < width + 2; x++) {
            const int sx = std::min(x, width - 1), sy = std::min(y, height - 1);
            const double yuv[3] = { truth.meaning(0, planes[0][sy][sx]),
                                    truth.meaning(1, chroma_at(truth, planes[1], sx, sy)),
                                    truth.meaning(2, chroma_at(truth, planes[2], sx, sy)) };
            double rgb[3];
            truth.to_rgb(yuv, rgb);
            for (int c = 0; c < 3; c++)
                if (std::abs(got[c][y][x] - clip01(rgb[bgr ? 2 - c : c])) > 2e-5)
                    fail("YUV to RGB");
        }
}

void check_to_yuv(AVPixelFormat format, Truth &truth, Picture &picture, bool bgr)
{
    PixelOptions options;
    options.color = bgr ? COLOR_BGR : COLOR_RGB;
    SurfaceIO port = make_port(format, options, 3);
    const at::Tensor tensor = random_tensor(3, height, width, at::kFloat, bgr);
    const at::Tensor values = tensor.nan_to_num(0).clamp(0, 1).contiguous();
    const auto value = values.accessor<float, 3>();
    // of a chroma sample, along an axis: pixels from the first of its own on, and their shares
    const auto shares = [](bool subsampled, double place) -> std::vector<std::pair<int, double>> {
        if (!subsampled)
            return { { 0, 1 } };
        if (place == 0.5)
            return { { 0, 0.5 }, { 1, 0.5 } };
        const int at = place;
        return { { at - 1, 0.25 }, { at, 0.5 }, { at + 1, 0.25 } };
    };

    // what carry() does not know of a picture without an input is not looked at
    port.open({ picture.frame.get() }, { { picture.frame.get(), picture.frame.get() } });
    port.store(tensor, 0, 0, 0);
    port.wait();
    port.close();
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < picture.plane_height(c); y++) {
            const std::vector<uint32_t> line = picture.line(c, y);
            for (int x = 0; x < picture.plane_width(c); x++) {
                const bool wide = c && truth.wide_chroma(), high = c && truth.high_chroma();
                double rgb[3] = { 0, 0, 0 }, yuv[3];
                for (const auto &[j, wy] : shares(high, truth.location.y))
                    for (const auto &[i, wx] : shares(wide, truth.location.x)) {
                        const int px = std::min(std::max((wide ? 2 * x : x) + i, 0), width - 1);
                        const int py = std::min(std::max((high ? 2 * y : y) + j, 0), height - 1);
                        for (int k = 0; k < 3; k++)
                            rgb[k] += wx * wy * value[bgr ? 2 - k : k][py][px];
                    }
                truth.to_yuv(rgb, yuv);
                const double wanted = std::min(std::max(truth.sample(c, yuv[c]), 0.0), truth.top);
                if (std::abs(line[x] - wanted) > 0.5 + truth.top * 2e-6)
                    fail("RGB to YUV");
            }
        }
}

/** Every matrix, range and place of the chroma, each with one of the others. */
void check_converted(AVPixelFormat format)
{
    for (const Standard &standard : standards)
        for (const Location &location : locations)
            for (bool full : { false, true }) {
                Picture picture = random_picture(format, width, height);
                Truth truth(picture, standard, location, full);
                check_to_rgb(format, truth, full);
                check_to_yuv(format, truth, picture, !full);
            }
}

/** A network that takes Y, U and V gets the chroma of subsampled formats in full size. */
void check_yuv(AVPixelFormat format)
{
    PixelOptions options;
    options.color = COLOR_YUV;
    SurfaceIO port = make_port(format, options, 3);
    Picture picture = random_picture(format, width, height), back(format, width, height);
    const Truth truth(picture, standards[0], locations[0], true);
    std::vector<std::vector<uint32_t>> planes[3];

    for (int c = 0; c < 3; c++)
        for (int y = 0; y < picture.plane_height(c); y++)
            planes[c].push_back(picture.line(c, y));
    const at::Tensor tensor = at::empty({ 3, height, width });
    port.open({ picture.frame.get() }, { { picture.frame.get(), back.frame.get() } });
    port.load(0, 0, 0, tensor);
    const auto got = tensor.accessor<float, 3>();
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                const double wanted = c ? chroma_at(truth, planes[c], x, y) : planes[0][y][x];
                if (std::abs(got[c][y][x] - wanted / picture.white()) > 1e-5)
                    fail("Y, U and V to the tensor");
            }

    // flat chroma stays what it is on the way back, and the luma any way
    tensor[1].fill_(0.25);
    tensor[2].fill_(0.75);
    port.store(tensor, 0, 0, 0);
    port.wait();
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < back.plane_height(c); y++) {
            const std::vector<uint32_t> line = back.line(c, y);
            for (size_t x = 0; x < line.size(); x++) {
                const double wanted = c ? (c == 1 ? 0.25 : 0.75) * picture.white() : planes[0][y][x];
                if (std::abs(line[x] - wanted) > 0.501)
                    fail("Y, U and V from the tensor");
            }
        }
}

/** Chroma and alpha around a network for the luma, or for RGB, that doubles the size. */
void check_carried(AVPixelFormat format, Color color, const Location &location)
{
    Picture in(format, 32, 16), out(format, 64, 32);
    const std::vector<int> channels = frame_channels(format, color);
    PixelOptions options;
    options.color = color;
    SurfaceIO port = make_port(format, options, channels.size());
    Truth truth(in, standards[0], location, false);

    // slopes: what lies between two samples of one is known
    const auto slope = [&](double x, double y) { return in.white() / 72 * (4 + x + 2 * y); };
    for (int c = 0; c < in.desc.nb_components; c++)
        for (int y = 0; y < in.plane_height(c); y++) {
            std::vector<uint32_t> line(in.plane_width(c));
            for (size_t x = 0; x < line.size(); x++)
                line[x] = slope(x, y);
            in.set_line(c, y, line);
        }
    port.open({ in.frame.get() }, { { in.frame.get(), out.frame.get() } });
    port.store(at::zeros({ static_cast<int64_t>(channels.size()), 32, 64 }), 0, 0, 0);
    port.wait();
    for (int c = 0; c < in.desc.nb_components; c++) {
        const bool carried = !std::count(channels.begin(), channels.end(), c);
        const bool chroma = c == 1 || c == 2;
        // from a sample to its pixel, to that of the input, to the sample there
        const auto back = [&](int at, bool subsampled, double place) {
            const int step = chroma && subsampled ? 2 : 1;
            place = chroma && subsampled ? place : 0;
            return ((at * step + place + 0.5) / 2 - 0.5 - place) / step;
        };
        for (int y = 2; y < out.plane_height(c) - 2; y++) {
            const std::vector<uint32_t> line = out.line(c, y);
            for (int x = 2; x < out.plane_width(c) - 2; x++) {
                const double wanted = carried ? slope(back(x, truth.wide_chroma(), location.x),
                                                      back(y, truth.high_chroma(), location.y)) : 0;
                // the samples of the input were cut off
                if (std::abs(line[x] - wanted) > (carried ? 1.5 : 0))
                    fail("a component that is carried");
            }
        }
    }
}

/** The fourth byte of a pixel that has no alpha. */
void check_fill()
{
    for (AVPixelFormat format : { AV_PIX_FMT_0RGB32, AV_PIX_FMT_0BGR32 }) {
        const int free = av_pix_fmt_desc_get(format)->comp[1].offset == 1 ? 3 : 0;
        Picture out(format, width, height);
        SurfaceIO port = make_port(format, PixelOptions(), 3);
        port.open({ out.frame.get() }, { { out.frame.get(), out.frame.get() } });
        port.store(at::zeros({ 3, height, width }), 0, 0, 0);
        port.wait();
        for (int y = 0; y < height; y++)
            for (int x = 0; x < 4 * width; x++)
                if (out.frame->data[0][y * out.frame->linesize[0] + x] != (x % 4 == free ? 255 : 0))
                    fail("the byte that means nothing");
    }
}

void expect_refused(AVPixelFormat format, Color color, int64_t channels, std::vector<double> scale = { 255 })
{
    PixelOptions options;
    options.color = color;
    options.scale = scale;
    try {
        SurfaceMap map(format, options, channels);
    } catch (const std::invalid_argument &) {
        return;
    }
    fail("it takes what it cannot");
}

int nb_failed = 0;

template <typename Function>
void test(const std::string &what, const Function &function)
{
    try {
        function();
    } catch (const std::exception &e) {
        printf("%s: %s\n", what.c_str(), e.what());
        nb_failed++;
    }
}

void test_surfaces(AVPixelFormat format)
{
    const std::string name = std::string("surface ") + av_get_pix_fmt_name(format);
    const bool rgb = av_pix_fmt_desc_get(format)->flags & AV_PIX_FMT_FLAG_RGB;

    if (rgb) {
        test(name, [&] { check_direct(format, COLOR_RGB); });
        test(name, [&] { check_direct(format, COLOR_BGR); });
        test(name, [&] { check_carried(format, COLOR_RGB, locations[0]); });
        test(name, [&] { expect_refused(format, COLOR_Y, 0); });
        test(name, [&] { expect_refused(format, COLOR_YUV, 0); });
        test(name, [&] { expect_refused(format, COLOR_AUTO, 1); });
        return;
    }
    test(name, [&] { check_direct(format, COLOR_Y); });
    test(name, [&] { check_converted(format); });
    test(name, [&] { check_yuv(format); });
    for (const Location &location : locations)
        test(name, [&] { check_carried(format, COLOR_Y, location); });
    test(name, [&] { expect_refused(format, COLOR_AUTO, 2); });
    test(name, [&] { expect_refused(format, COLOR_RGB, 3, { 1, 2 }); });
    test(name, [&] { expect_refused(format, COLOR_RGB, 3, { 0 }); });
}

/** A frame in memory of the device. */
struct Surface {
    OwnedFrame frame{ av_frame_alloc() };

    Surface(AVBufferRef *frames, const Picture &picture)
    {
        if (av_hwframe_get_buffer(frames, frame.get(), 0) < 0 ||
            av_hwframe_transfer_data(frame.get(), picture.frame.get(), 0) < 0 ||
            av_frame_copy_props(frame.get(), picture.frame.get()) < 0)
            fail("cannot upload a frame");
    }

    void download(Picture &picture) const
    {
        if (av_hwframe_transfer_data(picture.frame.get(), frame.get(), 0) < 0)
            fail("cannot download a frame");
    }
};

struct FreeBuffer {
    void operator()(AVBufferRef *buffer) const { av_buffer_unref(&buffer); }
};
using Buffer = std::unique_ptr<AVBufferRef, FreeBuffer>;

/** libavutil does not transfer the last line of chroma that belongs to one of luma alone. */
constexpr int even_width = 38, even_height = 10;

Buffer make_frames(AVBufferRef *device, AVPixelFormat format)
{
    Buffer buffer(av_hwframe_ctx_alloc(device));
    AVHWFramesContext *frames = reinterpret_cast<AVHWFramesContext *>(buffer.get()->data);

    frames->format    = AV_PIX_FMT_CUDA;
    frames->sw_format = format;
    frames->width     = even_width;
    frames->height    = even_height;
    if (av_hwframe_ctx_init(buffer.get()) < 0)
        fail("no frames of the format on the device");
    return buffer;
}

/**
 * The kernels on the device, as they are used, against the same on the CPU,
 * which are checked elsewhere. Conversion may differ in the last bit.
 */
void check_there(AVPixelFormat format, Color color, AVBufferRef *hw_device, c10::Device device)
{
    const Buffer frames = make_frames(hw_device, format);
    const DeviceStream stream(device);
    const DeviceStream::Use use(stream);
    const bool converted = !(av_pix_fmt_desc_get(format)->flags & AV_PIX_FMT_FLAG_RGB) && color != COLOR_Y;
    PixelOptions options;
    options.color = color;

    const int64_t channels = color == COLOR_Y ? 1 : 3;
    const std::unique_ptr<FrameIO> there =
        cuda::open_surfaces(frames.get(), options, channels, device, stream);
    SurfaceIO here = make_port(format, options, channels);
    for (int i = 0; i < 3; i++) {
        Picture in = random_picture(format, even_width, even_height);
        Truth(in, standards[1 + i], locations[1 + i], i & 1); // marks the frame
        Picture out = random_picture(format, even_width, even_height), got(format, even_width, even_height);
        av_frame_copy_props(out.frame.get(), in.frame.get());
        const Surface in_there(frames.get(), in), out_there(frames.get(), out);

        there->open({ in_there.frame.get() }, { { in_there.frame.get(), out_there.frame.get() } });
        here.open({ in.frame.get() }, { { in.frame.get(), out.frame.get() } });
        const at::Tensor loaded = random_tensor(channels, even_height + 1, even_width + 2, types[i], i).to(device);
        const at::Tensor wanted = random_tensor(channels, even_height + 1, even_width + 2, types[i], i);
        there->load(0, 0, 0, loaded);
        here.load(0, 0, 0, wanted);
        if (converted ? !at::allclose(loaded.cpu().to(at::kFloat), wanted.to(at::kFloat),
                                      i ? 1e-2 : 1e-5, i ? 1e-2 : 1e-5)
                      : !at::equal(loaded.cpu(), wanted))
            fail("surface to tensor on the device");

        const at::Tensor output = random_tensor(channels, even_height, even_width, types[i], i);
        there->store(output.to(device), 0, 0, 0);
        here.store(output, 0, 0, 0);
        for (FrameIO *port : { there.get(), static_cast<FrameIO *>(&here) }) {
            port->wait();
            port->close();
        }
        out_there.download(got);
        for (int c = 0; c < out.desc.nb_components; c++)
            for (int y = 0; y < out.plane_height(c); y++) {
                const std::vector<uint32_t> a = out.line(c, y), b = got.line(c, y);
                for (size_t x = 0; x < a.size(); x++)
                    if (std::abs(static_cast<int>(a[x]) - static_cast<int>(b[x])) > converted)
                        fail("tensor to surface on the device");
            }
    }
}

AVBufferRef *hw_device; ///< made before LibTorch makes the context its own way

void test_surfaces_there(c10::Device device)
{
    for (AVPixelFormat format : surface_formats) {
        const bool rgb = av_pix_fmt_desc_get(format)->flags & AV_PIX_FMT_FLAG_RGB;
        for (Color color : { COLOR_RGB, COLOR_BGR, COLOR_Y })
            if (!rgb || color != COLOR_Y)
                test(std::string("surface on the device ") + av_get_pix_fmt_name(format),
                     [&] { check_there(format, color, hw_device, device); });
    }
}

} // namespace

/** With an argument: on that device. */
int main(int argc, char **argv)
{
    const std::string name = argc > 1 ? argv[1] : "cpu";
    AVDictionary *primary = NULL;

    av_dict_set(&primary, "primary_ctx", "1", 0);
    if (cuda::takes_surfaces(c10::Device(name)) &&
        av_hwdevice_ctx_create(&hw_device, AV_HWDEVICE_TYPE_CUDA,
                               name.size() > 5 ? name.c_str() + 5 : "0", primary, 0) < 0)
        return 1;
    av_dict_free(&primary);
    const c10::Device device = open_device(name, 0);

    av_lfg_init(&lfg, 1);
    at::manual_seed(1);
    for (Color color : { COLOR_RGB, COLOR_BGR, COLOR_Y, COLOR_YUV })
        for (AVPixelFormat format : frame_formats(color, 0))
            if (format != AV_PIX_FMT_NONE)
                test(std::string("staged ") + av_get_pix_fmt_name(format),
                     [&] { check_staging(format, color, device); });
    if (cuda::takes_surfaces(device))
        test("surfaces", [&] { test_surfaces_there(device); });
    for (AVPixelFormat format : surface_formats)
        test_surfaces(format);
    test("surface fill", check_fill);
    av_buffer_unref(&hw_device);
    return nb_failed > 0;
}
