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

#include "io_staged.h"

#include <algorithm>

#include <c10/core/InferenceMode.h>

extern "C" {
#include "libavutil/imgutils.h"
}

namespace fftorch {
namespace {

constexpr at::ScalarType sample_types[] = { at::kByte, at::kShort, at::kFloat };

/** @return [C, 1, 1] on the device: a scalar there would be a reciprocal to multiply by */
template <typename Function>
at::Tensor per_channel(const FrameMap &map, c10::Device device, const Function &value)
{
    at::Tensor values = at::empty({ map.channels(), 1, 1 }, at::kFloat);

    for (int c = 0; c < map.channels(); c++)
        values.data_ptr<float>()[c] = value(map.channel(c));
    return values.to(device);
}

} // namespace

StagedIO::StagedIO(AVPixelFormat format, const PixelOptions &options, c10::Device device,
                       const DeviceStream &stream, const OpenKernels &open_kernels)
    : format_(format), color_(options.color), map_(format, options), device_(device),
      stream_(stream), type_(sample_types[map_.sample()])
{
    using Channel = FrameMap::Channel;
    const c10::InferenceMode inference_mode;
    const DeviceStream::Use use(stream_);

    if (open_kernels && type_ != at::kFloat && map_.channels() <= 3)
        kernels_ = open_kernels();
    if (kernels_)
        return;
    sub_ = per_channel(map_, device, [](const Channel &channel) { return channel.load.sub; });
    div_ = per_channel(map_, device, [](const Channel &channel) { return channel.load.div; });
    mul_ = per_channel(map_, device, [](const Channel &channel) { return channel.store.mul; });
    add_ = per_channel(map_, device, [](const Channel &channel) { return channel.store.add; });
}

/** Make room for so many frames like this one. */
void StagedIO::arrange(Side &side, const AVFrame &frame, size_t frames)
{
    if (frame.width != side.width || frame.height != side.height) {
        side.width  = frame.width;
        side.height = frame.height;
        side.frame_samples = 0;
        for (int plane = 0; plane < 4; plane++) {
            side.pitch[plane] = 0;
            side.start[plane] = -1;
        }
        for (int c = 0; c < map_.channels(); c++) {
            const int plane = map_.channel(c).plane;
            if (side.start[plane] >= 0)
                continue;
            side.pitch[plane] = av_image_get_linesize(format_, frame.width, plane) /
                                map_.sample_size();
            side.start[plane] = side.frame_samples;
            side.frame_samples += side.pitch[plane] * frame.height;
        }
        find_channels(side);
    }

    const int64_t samples = side.frame_samples * static_cast<int64_t>(frames);
    if (side.device.defined() && side.device.numel() >= samples)
        return;
    side.host.reset();
    side.device.reset();
    side.host   = make_host_buffer(device_, samples, type_);
    // what of a plane is no channel of the network is not written to
    side.device = at::zeros({ samples }, at::TensorOptions().dtype(type_).device(device_));
}

/** Where the channels begin in a frame, and whether one view can be all of them. */
void StagedIO::find_channels(Side &side) const
{
    side.first.clear();
    side.together = true;
    for (int c = 0; c < map_.channels(); c++) {
        const FrameMap::Channel &channel = map_.channel(c);
        side.first.push_back(side.start[channel.plane] + channel.offset / map_.sample_size());
        if (c && (side.first[c] <= side.first[c - 1] ||
                  side.first[c] - side.first[c - 1] != side.first[1] - side.first[0] ||
                  side.pitch[channel.plane] != side.pitch[map_.channel(0).plane]))
            side.together = false;
    }
}

void StagedIO::release()
{
    in_  = Side();
    out_ = Side();
}

/** Call function(plane, its samples on the host, bytes of a line) for each plane of a frame. */
template <typename Function>
void StagedIO::for_planes(const Side &side, size_t frame, const Function &function) const
{
    uint8_t *samples = static_cast<uint8_t *>(side.host.data_ptr()) +
                       frame * side.frame_samples * map_.sample_size();

    for (int plane = 0; plane < 4; plane++)
        if (side.start[plane] >= 0)
            function(plane, samples + side.start[plane] * map_.sample_size(),
                     static_cast<int>(side.pitch[plane] * map_.sample_size()));
}

void StagedIO::begin()
{
    const c10::InferenceMode inference_mode;

    arrange(in_, *sources_[0], sources_.size());
    arrange(out_, *outputs_[0].out, outputs_.size());

    for (size_t i = 0; i < sources_.size(); i++) {
        const AVFrame &frame = *sources_[i];
        for_planes(in_, i, [&](int plane, uint8_t *staged, int bytes) {
            av_image_copy_plane(staged, bytes, frame.data[plane], frame.linesize[plane], bytes,
                                in_.height);
        });
        const int64_t begin = static_cast<int64_t>(i) * in_.frame_samples;
        in_.device.narrow(0, begin, in_.frame_samples)
            .copy_(in_.host.narrow(0, begin, in_.frame_samples), true);
    }
}

at::Tensor StagedIO::samples(const Side &side, size_t frame, size_t channel, size_t channels,
                               int x, int y, int64_t rows, int64_t columns) const
{
    const FrameMap::Channel &layout = map_.channel(channel);
    const int64_t pitch = side.pitch[layout.plane];
    const int64_t apart = channels > 1 ? side.first[channel + 1] - side.first[channel] : 0;

    return side.device.as_strided({ static_cast<int64_t>(channels), rows, columns },
                                  { apart, pitch, layout.step },
                                  static_cast<int64_t>(frame) * side.frame_samples +
                                      side.first[channel] + y * pitch + x * layout.step);
}

DNNCudaPlane StagedIO::plane(const Side &side, size_t frame, int channel, int x, int y) const
{
    const FrameMap::Channel &layout = map_.channel(channel);
    const int64_t pitch = side.pitch[layout.plane];
    const int64_t first = static_cast<int64_t>(frame) * side.frame_samples + side.first[channel] +
                          y * pitch + x * layout.step;
    DNNCudaPlane plane = {};

    plane.data     = reinterpret_cast<uintptr_t>(side.device.data_ptr()) + first * map_.sample_size();
    plane.linesize = pitch * map_.sample_size();
    plane.step     = layout.step;
    plane.width    = side.width - x;
    plane.height   = side.height - y;
    return plane;
}

/** The arithmetic is that of pixels.cpp, and so are its results. */
void StagedIO::load_channels(const Side &side, size_t frame, int x, int y, size_t from, size_t n,
                               const at::Tensor &chw) const
{
    at::Tensor values = samples(side, frame, from, n, x, y, chw.size(1), chw.size(2));

    if (type_ == at::kShort) // which has a sign, the samples have none
        values = values.to(at::kInt).bitwise_and_(0xffff);
    // floats, whatever the samples are
    chw.copy_(values.sub(sub_.narrow(0, from, n)).div_(div_.narrow(0, from, n)));
}

void StagedIO::load(size_t source, int x, int y, const at::Tensor &chw)
{
    const c10::InferenceMode inference_mode;

    if (kernels_) {
        DNNCudaLoad load = {};

        load.tensor = cuda_tensor(chw);
        load.x = x;
        load.y = y;
        for (int c = 0; c < map_.channels(); c++) {
            load.planes[c] = plane(in_, source, c, 0, 0);
            load.sub[c]    = map_.channel(c).load.sub;
            load.div[c]    = map_.channel(c).load.div;
        }
        kernels_->load(load, type_ == at::kShort);
        return;
    }

    const int64_t rows    = std::min<int64_t>(chw.size(1), in_.height - y);
    const int64_t columns = std::min<int64_t>(chw.size(2), in_.width - x);
    const at::Tensor picture = chw.narrow(1, 0, rows).narrow(2, 0, columns);

    if (in_.together)
        load_channels(in_, source, x, y, 0, map_.channels(), picture);
    else
        for (int c = 0; c < map_.channels(); c++)
            load_channels(in_, source, x, y, c, 1, picture.narrow(0, c, 1));
    repeat_edges(chw, rows, columns);
}

void StagedIO::store_channels(const Side &side, size_t frame, int x, int y, size_t from, size_t n,
                                const at::Tensor &chw) const
{
    const FrameMap::Channel &channel = map_.channel(from);
    const at::Tensor target = samples(side, frame, from, n, x, y, chw.size(1), chw.size(2));
    // floats, whatever the elements are
    at::Tensor values = for_kernels(chw).mul(mul_.narrow(0, from, n)).add_(add_.narrow(0, from, n));

    if (type_ != at::kFloat) {
        values = values.nan_to_num_(0.0).clamp_(0.0f, channel.store.max).add_(0.5f);
        if (type_ == at::kShort)
            values = values.to(at::kInt).mul_(1 << channel.store.shift);
    }
    target.copy_(values);
}

void StagedIO::store(const at::Tensor &chw, size_t output, int x, int y)
{
    const c10::InferenceMode inference_mode;

    if (kernels_) {
        const at::Tensor part = for_kernels(chw);
        const StoreMap &samples = map_.channel(0).store;
        DNNCudaStore store = {};

        store.tensor  = cuda_tensor(part);
        store.block_w = store.block_h = 1;
        store.limit   = store.max = samples.max;
        store.shift   = samples.shift;
        for (int c = 0; c < map_.channels(); c++) {
            store.planes[c] = plane(out_, output, c, x, y);
            store.mul[c]    = map_.channel(c).store.mul;
            store.add[c]    = map_.channel(c).store.add;
        }
        kernels_->store(store, type_ == at::kShort);
        return;
    }

    if (out_.together)
        store_channels(out_, output, x, y, 0, map_.channels(), chw);
    else
        for (int c = 0; c < map_.channels(); c++)
            store_channels(out_, output, x, y, c, 1, chw.narrow(0, c, 1));
}

void StagedIO::wait()
{
    const c10::InferenceMode inference_mode;
    const int64_t samples = out_.frame_samples * static_cast<int64_t>(outputs_.size());

    out_.host.narrow(0, 0, samples).copy_(out_.device.narrow(0, 0, samples), true);
    stream_.synchronize();
}

void StagedIO::close()
{
    for (size_t i = 0; i < outputs_.size(); i++) {
        AVFrame &frame = *outputs_[i].out;
        for_planes(out_, i, [&](int plane, const uint8_t *staged, int bytes) {
            av_image_copy_plane(frame.data[plane], frame.linesize[plane], staged, bytes, bytes,
                                out_.height);
        });
        passthrough_.run(*outputs_[i].in, frame, color_);
    }
}

} // namespace fftorch
