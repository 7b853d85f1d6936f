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

#include "analytics.h"

#include <algorithm>
#include <climits>
#include <new>
#include <sstream>
#include <stdexcept>

extern "C" {
#include "libavutil/avstring.h"
#include "libavutil/detection_bbox.h"
#include "libavutil/error.h"
}

namespace fftorch {
namespace {

/** @return what of a box lies within a frame, maybe nothing */
Area clip(const AVDetectionBBox &box, const AVFrame &frame)
{
    const int64_t left   = std::max<int64_t>(box.x, 0);
    const int64_t top    = std::max<int64_t>(box.y, 0);
    const int64_t right  = std::min<int64_t>(static_cast<int64_t>(box.x) + box.w, frame.width);
    const int64_t bottom = std::min<int64_t>(static_cast<int64_t>(box.y) + box.h, frame.height);

    if (right <= left || bottom <= top)
        return {};
    return { static_cast<int>(left), static_cast<int>(top),
             static_cast<int>(right - left), static_cast<int>(bottom - top) };
}

void check(int ret)
{
    char error[AV_ERROR_MAX_STRING_SIZE];

    if (ret == AVERROR(ENOMEM))
        throw std::bad_alloc();
    if (ret < 0)
        throw std::runtime_error(std::string("the frame can not be scaled: ") +
                                 av_make_error_string(error, sizeof(error), ret));
}

/** Make an AVFrame of an area that points into the frame. */
void set_view(AVFrame &view, const AVFrame &frame, const Area &area)
{
    av_frame_unref(&view);
    view.format          = frame.format;
    view.width           = frame.width;
    view.height          = frame.height;
    view.color_range     = frame.color_range;
    view.color_primaries = frame.color_primaries;
    view.color_trc       = frame.color_trc;
    view.colorspace      = frame.colorspace;
    view.chroma_location = frame.chroma_location;
    std::copy(std::begin(frame.data), std::end(frame.data), view.data);
    std::copy(std::begin(frame.linesize), std::end(frame.linesize), view.linesize);

    view.crop_left   = area.x;
    view.crop_top    = area.y;
    view.crop_right  = frame.width  - area.x - area.w;
    view.crop_bottom = frame.height - area.y - area.h;
    check(av_frame_apply_cropping(&view, AV_FRAME_CROP_UNALIGNED));
}

} // namespace

std::vector<Box> boxes_to_classify(const AVFrame &frame, const char *target)
{
    const AVFrameSideData *sd = av_frame_get_side_data(&frame, AV_FRAME_DATA_DETECTION_BBOXES);
    std::vector<Box> boxes;

    if (!sd)
        return boxes;

    const auto *header = reinterpret_cast<const AVDetectionBBoxHeader *>(sd->data);
    for (uint32_t i = 0; i < header->nb_bboxes; i++) {
        const AVDetectionBBox &box = *av_get_detection_bbox(header, i);
        const Area area = clip(box, frame);

        if (area.w && box.classify_count < AV_NUM_DETECTION_BBOX_CLASSIFY &&
            (!target || !av_strncasecmp(box.detect_label, target, sizeof(box.detect_label))))
            boxes.push_back({ i, area });
    }
    return boxes;
}

void AreaLoader::load(const AVFrame &frame, const Area &area, AVPixelFormat format,
                      const FrameMap &map, const at::Tensor &chw)
{
    const int width  = static_cast<int>(chw.size(2));
    const int height = static_cast<int>(chw.size(1));

    if (!view_ || !scaled_ || !sws_) {     // in the first call, or the allocation before failed
        view_.reset(av_frame_alloc());
        scaled_.reset(av_frame_alloc());
        sws_.reset(sws_alloc_context());
        if (!view_ || !scaled_ || !sws_)
            throw std::bad_alloc();
        // the same bytes on every CPU
        sws_->flags = SWS_BILINEAR | SWS_ACCURATE_RND | SWS_BITEXACT;
    }

    set_view(*view_, frame, area);
    if (frame.format == format && area.w == width && area.h == height) {
        map.load(*view_, 0, 0, chw);
        return;
    }

    if (scaled_->format != format || scaled_->width != width || scaled_->height != height) {
        av_frame_unref(scaled_.get());
        scaled_->format = format;
        scaled_->width  = width;
        scaled_->height = height;
        check(av_frame_get_buffer(scaled_.get(), 0));
    }
    scaled_->color_range     = AVCOL_RANGE_JPEG;
    scaled_->color_primaries = frame.color_primaries;
    scaled_->color_trc       = frame.color_trc;
    scaled_->colorspace      = format == AV_PIX_FMT_RGB24 ? AVCOL_SPC_RGB : frame.colorspace;
    check(sws_scale_frame(sws_.get(), scaled_.get(), view_.get()));
    map.load(*scaled_, 0, 0, chw);
}

std::vector<at::Tensor> outputs_of_one(const std::vector<at::Tensor> &outputs,
                                       int64_t n, int64_t i)
{
    std::vector<at::Tensor> own;

    if (outputs.empty())
        throw std::runtime_error("it returned nothing");
    for (const at::Tensor &output : outputs) {
        if (n > 1 && (output.dim() < 1 || output.size(0) != n))
            throw std::runtime_error("it returned " + describe_shapes(outputs) +
                                     " for a batch of " + std::to_string(n));

        at::Tensor part = n > 1 ? output[i] : output;
        while (part.dim() > 3 && part.size(0) == 1)
            part = part[0];
        if (part.dim() > 3 || part.numel() > INT_MAX)
            throw std::runtime_error("it returned " + describe_shapes(outputs) +
                                     ", more than three dimensions beside that of the batch");
        while (part.dim() < 4)
            part = part.unsqueeze(0);
        // whatever it shares its memory with may change before it is looked at
        own.push_back(part.clone(at::MemoryFormat::Contiguous));
    }
    return own;
}

std::vector<DNNData> to_dnn_data(const std::vector<at::Tensor> &outputs)
{
    std::vector<DNNData> data;

    for (const at::Tensor &output : outputs) {
        DNNData one = {};

        one.data   = output.data_ptr<float>();
        one.dt     = DNN_FLOAT;
        one.layout = DL_NCHW;
        for (int i = 0; i < 4; i++)
            one.dims[i] = static_cast<int>(output.size(i));
        data.push_back(one);
    }
    return data;
}

std::string describe_shapes(const std::vector<at::Tensor> &outputs)
{
    std::ostringstream shapes;

    for (size_t i = 0; i < outputs.size(); i++)
        shapes << (i ? ", " : "") << outputs[i].sizes();
    return shapes.str();
}

} // namespace fftorch
