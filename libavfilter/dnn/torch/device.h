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
 * The devices that LibTorch computes on, and what one thread gives them to do.
 * Only release_device_memory() knows which sort of device it is.
 */

#ifndef AVFILTER_DNN_TORCH_DEVICE_H
#define AVFILTER_DNN_TORCH_DEVICE_H

#include <optional>
#include <string>

#include <ATen/ATen.h>
#include <c10/core/Stream.h>
#include <c10/core/StreamGuard.h>

namespace fftorch {

/**
 * Find a device.
 *
 * @param name  as LibTorch names it: "cpu", "cuda", "cuda:1"
 * @param index of it, where the name has none
 * @return the device; its index is set unless it is the CPU
 * @throws std::invalid_argument that tells what there is instead
 */
c10::Device open_device(const std::string &name, int index);

/**
 * What one thread has its device do, in order. Those of several threads are
 * worked on side by side. For the CPU, which does everything at once, it does
 * nothing. The streams themselves are LibTorch's, and live as long as it.
 */
class DeviceStream {
public:
    /** That of the CPU. */
    DeviceStream() = default;

    /** @throws c10::Error */
    explicit DeviceStream(c10::Device device);

    /** Wait until the device has done it all. @throws c10::Error for what failed there */
    void synchronize() const;

    /** The same after a failure, whose reason is known already. */
    void settle() const noexcept;

    const std::optional<c10::Stream> &get() const { return stream_; }

    /** While one exists, what its thread has the device do goes to the stream. */
    class Use {
    public:
        explicit Use(const DeviceStream &stream);

    private:
        c10::OptionalStreamGuard guard_;
    };

private:
    std::optional<c10::Stream> stream_;
};

/** Wait for what the thread has a device do outside of any Use. @throws c10::Error */
void synchronize_default_stream(c10::Device device);

/** Give memory back that LibTorch keeps for later. For any thread. */
void release_device_memory(c10::Device device) noexcept;

/**
 * @return a tensor of n elements in memory of the CPU, not filled, that the
 *         device can copy from and to while the CPU does something else
 */
at::Tensor make_host_buffer(c10::Device device, int64_t n, at::ScalarType type);

} // namespace fftorch

#endif /* AVFILTER_DNN_TORCH_DEVICE_H */
