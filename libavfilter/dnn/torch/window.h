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
 * The frames around a frame, for networks that look at several.
 */

#ifndef AVFILTER_DNN_TORCH_WINDOW_H
#define AVFILTER_DNN_TORCH_WINDOW_H

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "frame.h"

namespace fftorch {

using SharedFrame = std::shared_ptr<const AVFrame>;

/** @return another reference to a frame @throws std::bad_alloc */
SharedFrame share_frame(const AVFrame *frame);

/**
 * Windows of length frames, in the order of time: length / 2 before a frame,
 * itself, and what remains after it. Where there are none, the first or the
 * last frame is repeated.
 */
class Window {
public:
    explicit Window(int length) : before_(length / 2), after_(length - 1 - length / 2) {}

    int length() const { return before_ + 1 + after_; }

    /** Add the next frame. @throws std::bad_alloc, and then nothing has changed */
    void push(SharedFrame frame);

    /** @return whether the oldest frame not taken has all its followers */
    bool ready() const { return end() - next_ > after_; }

    /**
     * Take the window of the oldest frame not taken, with the last frame
     * repeated if not all followers are there.
     *
     * @param window of length() elements
     */
    void take(std::vector<SharedFrame> &window) noexcept;

    /** What comes next has nothing to do with what came before. */
    void restart() noexcept;

private:
    int64_t end() const { return first_ + static_cast<int64_t>(frames_.size()); }

    const int before_, after_;
    std::deque<SharedFrame> frames_;
    int64_t first_ = 0; ///< number of the first of frames_
    int64_t next_  = 0; ///< number of the oldest that was not taken
};

} // namespace fftorch

#endif /* AVFILTER_DNN_TORCH_WINDOW_H */
