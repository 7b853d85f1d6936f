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

#include "io.h"

namespace fftorch {

void HostIO::load(size_t source, int x, int y, const at::Tensor &chw)
{
    map_.load(*sources_[source], x, y, chw);
}

void HostIO::store(const at::Tensor &chw, size_t output, int x, int y)
{
    map_.store(chw, *outputs_[output].out, x, y);
}

void HostIO::close()
{
    for (const FramePair &pair : outputs_)
        passthrough_.run(*pair.in, *pair.out, color_);
}

} // namespace fftorch
