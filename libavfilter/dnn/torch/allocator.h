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
 * Memory for the tensors of a network, kept from frame to frame.
 *
 * The C library gives large blocks back to the system when they are freed and
 * gets them again, zeroed page by page, for the next frame. That is a quarter
 * of the CPU time of a small network, two thirds of that of a very small one.
 * The blocks kept here are those that a network needs, on huge pages where the
 * system has them.
 */

#ifndef AVFILTER_DNN_TORCH_ALLOCATOR_H
#define AVFILTER_DNN_TORCH_ALLOCATOR_H

namespace fftorch {

/**
 * While one exists, tensors that its thread makes in memory of the CPU are
 * given kept memory. All other threads of the process, and what is no tensor,
 * get what they would get otherwise.
 */
class KeepMemory {
public:
    explicit KeepMemory(bool enabled);
    ~KeepMemory();
    KeepMemory(const KeepMemory &) = delete;
    KeepMemory &operator=(const KeepMemory &) = delete;

private:
    bool outer_; ///< what held before
};

/** Give what is kept and not in use back. May be called at any time. */
void release_kept_memory() noexcept;

/** Give what the C library keeps of freed memory, for each thread, back to the system. */
void release_free_memory() noexcept;

} // namespace fftorch

#endif /* AVFILTER_DNN_TORCH_ALLOCATOR_H */
