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
 * What detection and classification need beside running a network: parts of
 * frames in, tensors of any number and shape out.
 */

#ifndef AVFILTER_DNN_TORCH_ANALYTICS_H
#define AVFILTER_DNN_TORCH_ANALYTICS_H

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <ATen/ATen.h>

extern "C" {
#include "libavutil/frame.h"
#include "libswscale/swscale.h"
#include "libavfilter/dnn_interface.h"
}

#include "frame.h"

namespace fftorch {

/** A part of a frame, in pixels. Lies within the frame and is not empty. */
struct Area {
    int x, y, w, h;
};

/** What is to be classified: a box of the frame's side data. */
struct Box {
    uint32_t index; ///< in the side data
    Area     area;  ///< what of it lies within the frame
};

/**
 * @param target label of the boxes that count, in any case; NULL: all do
 * @return the boxes to classify, without those that lie outside of the frame
 *         and those that can not hold another class
 */
std::vector<Box> boxes_to_classify(const AVFrame &frame, const char *target);

/** Fills tensors with parts of frames. For one thread at a time. */
class AreaLoader {
public:
    /**
     * Scale an area to the size of a tensor, and fill that with it.
     *
     * @param frame  of any format that libswscale reads; not changed
     * @param format that the map is for
     * @param chw    as for FrameMap::load()
     * @throws std::runtime_error if the frame can not be converted
     */
    void load(const AVFrame &frame, const Area &area, AVPixelFormat format,
              const FrameMap &map, const at::Tensor &chw);

private:
    struct FreeScaler {
        void operator()(SwsContext *sws) const { sws_free_context(&sws); }
    };

    OwnedFrame view_;   ///< the area, owns no data
    OwnedFrame scaled_; ///< kept for its buffer
    std::unique_ptr<SwsContext, FreeScaler> sws_;    ///< kept for its tables
};

/**
 * Take what a network returned for one of a batch.
 *
 * @param outputs what it returned, with the batch as the first dimension; for a
 *                batch of one that dimension may be missing
 * @param n       size of the batch
 * @param i       index in it
 * @return tensors of four dimensions, the first of them 1, in memory of their
 *         own, contiguous
 * @throws std::runtime_error if there is none, or one of another shape
 */
std::vector<at::Tensor> outputs_of_one(const std::vector<at::Tensor> &outputs,
                                       int64_t n, int64_t i);

/** @return the same for the filters, valid as long as the tensors */
std::vector<DNNData> to_dnn_data(const std::vector<at::Tensor> &outputs);

/** @return their shapes, as in "[1, 84, 8400], [1, 3]" */
std::string describe_shapes(const std::vector<at::Tensor> &outputs);

} // namespace fftorch

#endif /* AVFILTER_DNN_TORCH_ANALYTICS_H */
