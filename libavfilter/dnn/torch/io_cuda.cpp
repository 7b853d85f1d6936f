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

#include "io_cuda.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include <c10/core/InferenceMode.h>

extern "C" {
#include "libavutil/common.h"
#include "libavutil/csp.h"
#include "libavutil/pixdesc.h"
#include "libavutil/rational.h"
}

namespace fftorch {
namespace {

/** Of Y, U and V: sample = value * scale + offset, Y from 0 to 1, U and V from -0.5 to 0.5. */
struct Levels {
    double scale[3], offset[3];

    Levels(const AVFrame &frame, int depth)
    {
        const bool full = frame.color_range == AVCOL_RANGE_JPEG;
        const double unit = 1 << (depth - 8), white = (1 << depth) - 1;

        scale[0]  = full ? white : 219 * unit;
        scale[1]  = scale[2] = full ? white : 224 * unit;
        offset[0] = full ? 0 : 16 * unit;
        offset[1] = offset[2] = 128 * unit;
    }
};

/** The shares of red, green and blue in the luma. */
struct Luma {
    double r, g, b;

    explicit Luma(const AVFrame &frame)
    {
        // as libswscale takes it where it is not told
        const AVColorSpace space = frame.colorspace == AVCOL_SPC_UNSPECIFIED ? AVCOL_SPC_SMPTE170M
                                                                             : frame.colorspace;
        const AVLumaCoefficients *luma = av_csp_luma_coeffs_from_avcsp(space);

        if (!luma || space == AVCOL_SPC_RGB)
            throw std::runtime_error(std::string("frames of colour space ") +
                                     (av_color_space_name(space) ? av_color_space_name(space) : "?") +
                                     " cannot be converted to RGB: add color=yuv or color=y");
        r = av_q2d(luma->cr);
        g = av_q2d(luma->cg);
        b = av_q2d(luma->cb);
    }
};

/** The pixels that a chroma sample is made of: the nearest, and half as much of their neighbours. */
void choose_taps(bool subsampled, double position, int &first, float weights[3])
{
    const float one[3] = { 1, 0, 0 }, two[3] = { 0.5, 0.5, 0 }, three[3] = { 0.25, 0.5, 0.25 };
    const float *chosen = !subsampled ? one : position == 0.5 ? two : three;

    first = subsampled && position == 0 ? -1 : 0;
    std::copy(chosen, chosen + 3, weights);
}

} // namespace

at::Tensor for_kernels(const at::Tensor &tensor)
{
    const at::ScalarType type = tensor.scalar_type();

    return type == at::kFloat || type == at::kHalf || type == at::kBFloat16 ? tensor
                                                                            : tensor.to(at::kFloat);
}

DNNCudaTensor cuda_tensor(const at::Tensor &chw)
{
    DNNCudaTensor tensor = {};

    tensor.data     = reinterpret_cast<uintptr_t>(chw.data_ptr());
    tensor.channels = chw.size(0);
    tensor.height   = chw.size(1);
    tensor.width    = chw.size(2);
    tensor.stride_c = chw.stride(0);
    tensor.stride_h = chw.stride(1);
    tensor.stride_w = chw.stride(2);
    switch (chw.scalar_type()) {
    case at::kFloat:    tensor.element = DNN_CUDA_F32;  break;
    case at::kHalf:     tensor.element = DNN_CUDA_F16;  break;
    case at::kBFloat16: tensor.element = DNN_CUDA_BF16; break;
    default: throw std::runtime_error("no kernel for this sort of tensor");
    }
    return tensor;
}

SurfaceMap::SurfaceMap(AVPixelFormat format, const PixelOptions &options, int64_t channels)
    : desc_(av_pix_fmt_desc_get(format)), options_(options),
      size_(desc_->comp[0].depth > 8 ? 2 : 1)
{
    const bool rgb  = is_rgb(*desc_);
    const bool auto_converted = options.color == COLOR_AUTO && channels == 3;
    const std::string name = av_get_pix_fmt_name(format);

    reversed_  = options.color == COLOR_BGR;
    converted_ = !rgb && (auto_converted || options.color == COLOR_RGB || reversed_);
    if (converted_ || options.color == COLOR_YUV)
        components_ = { 0, 1, 2 };
    else
        components_ = frame_channels(format, options.color);

    if (components_.empty() || (rgb && options.color == COLOR_YUV) || desc_->nb_components < 3)
        throw std::invalid_argument("the option color does not fit " + name + " frames");
    if (channels && channels != this->channels())
        throw std::invalid_argument("the network takes " + std::to_string(channels) +
                                    " channels, of " + name + " frames it gets " +
                                    std::to_string(this->channels()));
    check_options(options, this->channels(), format);
}

DNNCudaPlane SurfaceMap::plane(const AVFrame &frame, int component) const
{
    const AVComponentDescriptor &comp = desc_->comp[component];
    const bool chroma = !is_rgb(*desc_) && (component == 1 || component == 2);
    DNNCudaPlane plane = {};

    plane.data     = reinterpret_cast<uintptr_t>(frame.data[comp.plane]) + comp.offset;
    plane.linesize = frame.linesize[comp.plane];
    plane.step     = comp.step / size_;
    plane.width    = AV_CEIL_RSHIFT(frame.width, chroma ? desc_->log2_chroma_w : 0);
    plane.height   = AV_CEIL_RSHIFT(frame.height, chroma ? desc_->log2_chroma_h : 0);
    return plane;
}

void SurfaceMap::chroma_position(const AVFrame &frame, double position[2]) const
{
    const AVChromaLocation location = frame.chroma_location == AVCHROMA_LOC_UNSPECIFIED
                                          ? AVCHROMA_LOC_LEFT : frame.chroma_location;
    int x, y;

    if (av_chroma_location_enum_to_pos(&x, &y, location) < 0)
        x = 0, y = 128;
    position[0] = desc_->log2_chroma_w ? x / 256.0 : 0;
    position[1] = desc_->log2_chroma_h ? y / 256.0 : 0;
}

DNNCudaLoad SurfaceMap::load(const AVFrame &frame, int x, int y, const at::Tensor &chw) const
{
    const AVComponentDescriptor &comp = desc_->comp[0];
    const double white = converted_ ? 255 : (1 << comp.depth) - 1;
    const double shift = converted_ ? 1 : 1 << comp.shift;
    DNNCudaLoad load = {};
    double position[2];

    load.tensor = cuda_tensor(chw);
    load.x = x;
    load.y = y;
    for (size_t i = 0; i < components_.size(); i++)
        load.planes[i] = plane(frame, components_[i]);

    chroma_position(frame, position);
    load.subsampled      = !is_rgb(*desc_) && (desc_->log2_chroma_w || desc_->log2_chroma_h);
    load.chroma.step_x   = 1.0 / (1 << desc_->log2_chroma_w);
    load.chroma.step_y   = 1.0 / (1 << desc_->log2_chroma_h);
    load.chroma.offset_x = -position[0] / (1 << desc_->log2_chroma_w);
    load.chroma.offset_y = -position[1] / (1 << desc_->log2_chroma_h);

    for (int c = 0; c < channels(); c++) {
        load.sub[c] = value_for(options_.mean, c) / 255 * white * shift;
        load.div[c] = value_for(options_.scale, c) / 255 * white * shift;
    }

    load.convert = converted_;
    if (!converted_)
        return load;
    const Luma luma(frame);
    const Levels levels(frame, comp.depth);
    const double rgb[3][3] = { // of Y, U and V
        { 1, 0,                                       2 * (1 - luma.r) },
        { 1, -2 * luma.b * (1 - luma.b) / luma.g,     -2 * luma.r * (1 - luma.r) / luma.g },
        { 1, 2 * (1 - luma.b),                        0 },
    };
    for (int c = 0; c < 3; c++) {
        const double *row = rgb[reversed_ ? 2 - c : c];
        double offset = 0;
        for (int i = 0; i < 3; i++) {
            load.matrix[c][i] = 255 * row[i] / (levels.scale[i] * (1 << comp.shift));
            offset -= 255 * row[i] * levels.offset[i] / levels.scale[i];
        }
        load.matrix[c][3] = offset;
    }
    return load;
}

DNNCudaStore SurfaceMap::store(const at::Tensor &chw, const AVFrame &frame) const
{
    const AVComponentDescriptor &comp = desc_->comp[0];
    const double white = converted_ ? 255 : (1 << comp.depth) - 1;
    const bool subsampled_w = components_.size() == 3 && !is_rgb(*desc_) && desc_->log2_chroma_w;
    const bool subsampled_h = components_.size() == 3 && !is_rgb(*desc_) && desc_->log2_chroma_h;
    DNNCudaStore store = {};
    double position[2];

    store.tensor = cuda_tensor(chw);
    for (size_t i = 0; i < components_.size(); i++)
        store.planes[i] = plane(frame, components_[i]);
    store.max   = (1 << comp.depth) - 1;
    store.shift = comp.shift;
    store.limit = white;

    chroma_position(frame, position);
    store.block_w = subsampled_w ? 2 : 1;
    store.block_h = subsampled_h ? 2 : 1;
    choose_taps(subsampled_w, position[0], store.tap_x, store.weights_x);
    choose_taps(subsampled_h, position[1], store.tap_y, store.weights_y);

    for (int c = 0; c < channels(); c++) {
        switch (options_.range) {
        case RANGE_INPUT:
            store.mul[c] = value_for(options_.scale, c) / 255 * white;
            store.add[c] = value_for(options_.mean, c) / 255 * white;
            break;
        case RANGE_UNIT:
            store.mul[c] = white;
            break;
        case RANGE_BYTE:
            store.mul[c] = white / 255;
            break;
        case RANGE_SIGNED:
            store.mul[c] = store.add[c] = white / 2;
            break;
        }
    }

    // of rgb0 and such: RGB whose pixels have a fourth sample, but no alpha
    if (is_rgb(*desc_) && desc_->nb_components == 3 && desc_->comp[0].step == 4) {
        int free = 0;
        while (std::any_of(desc_->comp, desc_->comp + 3, [&](const AVComponentDescriptor &c) {
            return c.offset == free;
        }))
            free++;
        store.fill = store.planes[0];
        store.fill.data += free - desc_->comp[components_[0]].offset;
    }

    store.convert = converted_;
    if (!converted_)
        return store;
    const Luma luma(frame);
    const Levels levels(frame, comp.depth);
    const double yuv[3][3] = { // of red, green and blue
        { luma.r, luma.g, luma.b },
        { -luma.r / 2 / (1 - luma.b), -luma.g / 2 / (1 - luma.b), 0.5 },
        { 0.5, -luma.g / 2 / (1 - luma.r), -luma.b / 2 / (1 - luma.r) },
    };
    for (int i = 0; i < 3; i++) {
        for (int c = 0; c < 3; c++)
            store.matrix[i][c] = levels.scale[i] * yuv[i][reversed_ ? 2 - c : c] / 255;
        store.matrix[i][3] = levels.offset[i];
    }
    return store;
}

std::vector<DNNCudaCarry> SurfaceMap::carry(const AVFrame &in, const AVFrame &out) const
{
    std::vector<DNNCudaCarry> list;
    double position[2];

    chroma_position(in, position);
    for (int i = 0; i < desc_->nb_components; i++) {
        if (std::count(components_.begin(), components_.end(), i))
            continue;
        const AVComponentDescriptor &comp = desc_->comp[i];
        const bool chroma = !is_rgb(*desc_) && (i == 1 || i == 2);
        DNNCudaCarry carry = {};
        // to the place in the input of what is at 0 in the output, in its samples
        const auto offset = [&](int in_size, int out_size, double place, int log2) {
            place = chroma ? place : 0;
            return ((place + 0.5) * in_size / out_size - 0.5 - place) / (1 << (chroma ? log2 : 0));
        };
        carry.in    = plane(in, i);
        carry.out   = plane(out, i);
        carry.max   = (1 << comp.depth) - 1;
        carry.shift = comp.shift;
        carry.scale.step_x   = static_cast<double>(in.width) / out.width;
        carry.scale.step_y   = static_cast<double>(in.height) / out.height;
        carry.scale.offset_x = offset(in.width, out.width, position[0], desc_->log2_chroma_w);
        carry.scale.offset_y = offset(in.height, out.height, position[1], desc_->log2_chroma_h);
        list.push_back(carry);
    }
    return list;
}

void SurfaceIO::begin()
{
    pictures_.assign(outputs_.size(), at::Tensor());
    kernels_->wait_for_frames();
}

void SurfaceIO::load(size_t source, int x, int y, const at::Tensor &chw)
{
    kernels_->load(map_.load(*sources_[source], x, y, chw), map_.wide());
}

void SurfaceIO::store(const at::Tensor &chw, size_t output, int x, int y)
{
    const c10::InferenceMode inference_mode;
    const AVFrame &frame = *outputs_[output].out;
    const at::Tensor part = for_kernels(chw);

    if (part.size(2) == frame.width && part.size(1) == frame.height) {
        kernels_->store(map_.store(part, frame), map_.wide());
        return;
    }
    // the pixels of a chroma sample may be in several parts
    at::Tensor &picture = pictures_[output];
    if (!picture.defined())
        picture = at::empty({ part.size(0), frame.height, frame.width }, part.options());
    picture.narrow(1, y, part.size(1)).narrow(2, x, part.size(2)).copy_(part);
}

void SurfaceIO::wait()
{
    for (size_t i = 0; i < outputs_.size(); i++) {
        const AVFrame &in = *outputs_[i].in, &out = *outputs_[i].out;
        if (pictures_[i].defined())
            kernels_->store(map_.store(pictures_[i], out), map_.wide());
        for (const DNNCudaCarry &carry : map_.carry(in, out))
            kernels_->carry(carry, map_.wide());
    }
    stream_.synchronize();
    pictures_.clear();
}

} // namespace fftorch
