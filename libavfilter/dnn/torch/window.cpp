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

#include "window.h"

#include <algorithm>
#include <new>
#include <utility>

namespace fftorch {

SharedFrame share_frame(const AVFrame *frame)
{
    AVFrame *clone = av_frame_clone(frame);

    if (!clone)
        throw std::bad_alloc();
    return SharedFrame(clone, FreeFrame());
}

void Window::push(SharedFrame frame)
{
    frames_.push_back(std::move(frame));
}

void Window::take(std::vector<SharedFrame> &window) noexcept
{
    for (int i = 0; i < length(); i++) {
        const int64_t number = std::clamp(next_ - before_ + i, first_, end() - 1);
        window[i] = frames_[number - first_];
    }
    next_++;
    for (; first_ < next_ - before_; first_++)
        frames_.pop_front();
}

void Window::restart() noexcept
{
    frames_.clear();
    first_ = next_ = 0;
}

} // namespace fftorch
