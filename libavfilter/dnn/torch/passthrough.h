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
 * What of a frame does not go through the network.
 */

#ifndef AVFILTER_DNN_TORCH_PASSTHROUGH_H
#define AVFILTER_DNN_TORCH_PASSTHROUGH_H

#include <memory>
#include <vector>

extern "C" {
#include "libavutil/frame.h"
#include "libavutil/pixdesc.h"
#include "libswscale/swscale.h"
}

#include "frame.h"

namespace fftorch {

/**
 * Copies the chroma and the alpha of a frame to another one of its format, and
 * scales them where the sizes differ. For one thread at a time.
 */
class Passthrough {
public:
    /** @throws std::bad_alloc */
    void run(const AVFrame &in, AVFrame &out, Color color);

private:
    struct Picture {
        uint8_t *data;
        int linesize, width, height;
    };

    struct FreeScaler {
        void operator()(SwsContext *scaler) const { sws_freeContext(scaler); }
    };

    void scale(int plane, const Picture &in, const Picture &out, int components,
               const AVComponentDescriptor &comp, bool is_float);
    void pass_sample(const Picture &in, const Picture &out, const AVComponentDescriptor &comp);

    std::unique_ptr<SwsContext, FreeScaler> scalers_[4]; ///< one for each plane
    std::vector<uint8_t> buffers_[2]; ///< a component on its own, in and out
};

} // namespace fftorch

#endif /* AVFILTER_DNN_TORCH_PASSTHROUGH_H */
