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

#include "allocator.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <unordered_map>

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>
#include <torch/version.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif
#ifdef __linux__
#include <sys/mman.h>
#endif

// c10::Allocator::allocate() lost its const, and copy_data() came, with 2.3
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 3)
#define ALLOCATE_CONST
#define HAVE_COPY_DATA 1
#else
#define ALLOCATE_CONST const
#endif

namespace fftorch {
namespace {

constexpr uintptr_t huge_page = 2 << 20;
constexpr size_t smallest  = 64 << 10; ///< less is not worth keeping
constexpr int runs_to_keep = 32; ///< runs after which what they did not need is given back

thread_local bool keeping = false;

/**
 * The allocator that LibTorch is given for memory of the CPU. It passes on to
 * the one that was there before, unless the thread asked for kept memory.
 */
class KeepingAllocator final : public c10::Allocator {
public:
    explicit KeepingAllocator(c10::Allocator *previous) : previous_(previous) {}

    c10::DataPtr allocate(size_t size) ALLOCATE_CONST override
    {
        if (!keeping || size < smallest)
            return previous_->allocate(size);

        void *data = take(size);
        return { data, data, &give_back, c10::Device(c10::DeviceType::CPU) };
    }

    c10::DeleterFnPtr raw_deleter() const override { return &give_back; }

#ifdef HAVE_COPY_DATA
    void copy_data(void *dst, const void *src, size_t size) const override
    {
        std::memcpy(dst, src, size);
    }
#endif

    /** A run has ended: what no run of the last ones needed is given back. */
    void end_run() noexcept
    {
        const std::lock_guard<std::mutex> lock(mutex_);

        if (++runs_ % runs_to_keep)
            return;
        most_used_   = recent_most_;
        recent_most_ = used_size_;
        trim(most_used_ - std::min(most_used_, used_size_));
    }

    void release() noexcept
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        trim(0);
    }

private:
    using Blocks = std::multimap<size_t, void *>; ///< by size

    static void give_back(void *data);

    void *take(size_t wanted) const
    {
        const size_t unit = wanted < huge_page ? smallest : huge_page;
        const size_t size = (wanted + unit - 1) / unit * unit;
        const std::lock_guard<std::mutex> lock(mutex_);
        auto   block = idle_.lower_bound(size);
        void  *data;

        if (block != idle_.end() && block->first <= size + size / 4) {
            used_.emplace(block->second, block->first);
            data = block->second;
            idle_size_ -= block->first;
            used_size_ += block->first;
            idle_.erase(block);
            note_used();
            return data;
        }

        // a network whose sizes change must not pile up blocks of them all
        trim(most_used_);
        data = make(size);
        try {
            used_.emplace(data, size);
        } catch (...) {
            c10::free_cpu(data);
            throw;
        }
        used_size_ += size;
        note_used();
        return data;
    }

    void note_used() const
    {
        most_used_   = std::max(most_used_, used_size_);
        recent_most_ = std::max(recent_most_, used_size_);
    }

    static void *make(size_t size)
    {
        void *data = c10::alloc_cpu(size);

#ifdef MADV_HUGEPAGE
        const uintptr_t begin = (reinterpret_cast<uintptr_t>(data) + huge_page - 1) & -huge_page;
        const uintptr_t end   = (reinterpret_cast<uintptr_t>(data) + size) & -huge_page;
        if (begin < end)
            madvise(reinterpret_cast<void *>(begin), end - begin, MADV_HUGEPAGE);
#endif
        return data;
    }

    /** Free idle blocks, the largest first, until they are of a size at most. */
    void trim(size_t at_most) const
    {
        while (!idle_.empty() && idle_size_ > at_most) {
            const auto block = std::prev(idle_.end());
            idle_size_ -= block->first;
            c10::free_cpu(block->second);
            idle_.erase(block);
        }
    }

    c10::Allocator *previous_;

    // allocate() is const in old versions of LibTorch
    mutable std::mutex mutex_;
    mutable Blocks     idle_;
    mutable std::unordered_map<void *, size_t> used_;
    mutable size_t     idle_size_ = 0;
    mutable size_t     used_size_ = 0;
    mutable size_t     most_used_ = 0; ///< the largest used_size_ of late
    mutable size_t     recent_most_ = 0; ///< the same since runs_ was a multiple of runs_to_keep
    int                runs_ = 0;
};

/** Installed at the first use; never freed, since tensors may outlive us. */
KeepingAllocator &allocator()
{
    static KeepingAllocator *const instance = [] {
        KeepingAllocator *made = new KeepingAllocator(c10::GetCPUAllocator());
        c10::SetCPUAllocator(made);
        return made;
    }();
    return *instance;
}

void KeepingAllocator::give_back(void *data)
{
    KeepingAllocator &self = allocator();
    {
        const std::lock_guard<std::mutex> lock(self.mutex_);
        const auto used = self.used_.find(data);

        if (used != self.used_.end()) {
            const size_t size = used->second;
            self.used_.erase(used);
            self.used_size_ -= size;
            try {
                self.idle_.emplace(size, data);
                self.idle_size_ += size;
            } catch (const std::bad_alloc &) {
                c10::free_cpu(data);
            }
            return;
        }
    }
    // raw memory that was allocated before we were there, or passed on
    self.previous_->raw_deallocate(data);
}

} // namespace

KeepMemory::KeepMemory(bool enabled) : outer_(keeping)
{
    if (enabled)
        allocator();
    keeping = enabled;
}

KeepMemory::~KeepMemory()
{
    if (keeping)
        allocator().end_run();
    keeping = outer_;
}

void release_kept_memory() noexcept
{
    try {
        allocator().release();
    } catch (...) {
        // there is none to release then
    }
}

void release_free_memory() noexcept
{
#ifdef __GLIBC__
    // each thread has a heap of its own, and what one freed the others cannot have
    malloc_trim(0);
#endif
}

} // namespace fftorch
