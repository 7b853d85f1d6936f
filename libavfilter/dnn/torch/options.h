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
 * The options of the LibTorch backend, and what their values stand for. For C
 * and C++, and without LibTorch.
 */

#ifndef AVFILTER_DNN_TORCH_OPTIONS_H
#define AVFILTER_DNN_TORCH_OPTIONS_H

#include "libavutil/opt.h"

/** Of THOptions, ends with an option without a name. */
extern const AVOption ff_dnn_torch_options[];

#ifdef __cplusplus
namespace fftorch {
#endif

/** Value of an option beside those that are its own: the fastest that is right. */
enum { OPTION_AUTO = -1 };

enum Optimize {
    OPTIMIZE_NONE,      ///< as it is in the file
    OPTIMIZE_FREEZE,    ///< weights and batch norms folded into the graph
    OPTIMIZE_INFERENCE, ///< and convolutions prepared for the device
    OPTIMIZE_FUSE,      ///< or activations computed within them
};

/** Values of the option memory_format. */
enum Layout {
    LAYOUT_CONTIGUOUS,
    LAYOUT_CHANNELS_LAST,
};

enum Precision { PRECISION_FP32, PRECISION_FP16, PRECISION_BF16 };

/** The channels of a frame that go through a network, in its order. */
enum Color {
    COLOR_AUTO, ///< red, green and blue of RGB, else the luma
    COLOR_RGB,
    COLOR_BGR,
    COLOR_Y,    ///< the luma; the others are carried along
    COLOR_YUV,
};

/** The values between which a network's output lies. */
enum Range {
    RANGE_INPUT,  ///< those of its input
    RANGE_UNIT,   ///< 0 and 1
    RANGE_BYTE,   ///< 0 and 255
    RANGE_SIGNED, ///< -1 and 1
};

/** How the frames of a window are stacked. */
enum Stack { STACK_AUTO = -1, STACK_CHANNELS, STACK_TIME };

/** What a frame becomes whose inference failed. */
enum OnError {
    ON_ERROR_STOP, ///< the end of the output, with an error
    ON_ERROR_PASS, ///< the output, as it came in
    ON_ERROR_DROP, ///< nothing
};

#ifdef __cplusplus
} // namespace fftorch
#endif

#endif /* AVFILTER_DNN_TORCH_OPTIONS_H */
