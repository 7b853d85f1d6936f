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
 * Exceptions of C++ and LibTorch as one line and an AVERROR code.
 */

#ifndef AVFILTER_DNN_TORCH_ERROR_H
#define AVFILTER_DNN_TORCH_ERROR_H

#include <string>

extern "C" {
#include "libavutil/log.h"
}

namespace fftorch {

/** What went wrong, for a log line and for the caller of a callback. */
struct Failure {
    int         code;   ///< an AVERROR code
    std::string reason; ///< one line
    bool device_memory = false; ///< a device has no more of it
};

/** To be called in a catch block: the exception that is being handled. */
Failure describe_exception() noexcept;

/**
 * Reduce a message of LibTorch to the line that matters: the last one of a
 * TorchScript traceback, the first one of anything else.
 */
std::string one_line(const std::string &message);

/**
 * Run what a callback of FFmpeg does. No exception leaves it: it becomes a
 * log line and an AVERROR code.
 */
template <typename Function>
int guarded(void *log_ctx, const char *model_filename, const Function &function) noexcept
{
    try {
        return function();
    } catch (...) {
        const Failure failure = describe_exception();
        av_log(log_ctx, AV_LOG_ERROR, "%s: %s\n", model_filename, failure.reason.c_str());
        return failure.code;
    }
}

} // namespace fftorch

#endif /* AVFILTER_DNN_TORCH_ERROR_H */
