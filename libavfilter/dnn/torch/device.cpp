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

#include "device.h"

#include <stdexcept>

#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/version.h>

#include "cuda.h"
#include "allocator.h"

namespace fftorch {
namespace {

/** @return how many devices of a type there are that can compute */
int count_devices(c10::DeviceType type)
{
    if (type == c10::DeviceType::CPU)
        return 1;
    // tensors on it have no data
    if (type == c10::DeviceType::Meta || !c10::impl::hasDeviceGuardImpl(type))
        return 0;
    return c10::impl::VirtualGuardImpl(type).deviceCount();
}

/** @return "cpu, cuda:0, cuda:1" */
std::string list_devices()
{
    std::string list = "cpu";

    for (int i = 0; i < static_cast<int>(c10::DeviceType::COMPILE_TIME_MAX_DEVICE_TYPES); i++) {
        const c10::DeviceType type = static_cast<c10::DeviceType>(i);
        const int count = type == c10::DeviceType::CPU ? 0 : count_devices(type);
        for (int k = 0; k < count; k++)
            list += ", " + c10::DeviceTypeName(type, true) + ":" + std::to_string(k);
    }
    return list;
}

} // namespace

c10::Device open_device(const std::string &name, int index)
{
    c10::Device device(name);

    if (device.is_cpu())
        return c10::Device(c10::DeviceType::CPU);
    if (device.has_index() && index && index != device.index())
        throw std::invalid_argument("device=" + name + " and device_id=" + std::to_string(index) +
                                    " are two different devices");

    const int count  = count_devices(device.type());
    const int wanted = device.has_index() ? device.index() : index;
    if (wanted >= count) {
        const std::string type = c10::DeviceTypeName(device.type(), true);
        const bool built = c10::impl::hasDeviceGuardImpl(device.type());
        throw std::invalid_argument("there is no device " + type + ":" + std::to_string(wanted) +
                                    ": this LibTorch, " TORCH_VERSION ", " +
                                    (built ? "finds " : "was built without " + type + " and finds ") +
                                    list_devices());
    }
    return c10::Device(device.type(), static_cast<c10::DeviceIndex>(wanted));
}

DeviceStream::DeviceStream(c10::Device device)
{
    if (device.is_cpu())
        return;

    const c10::impl::VirtualGuardImpl guard(device.type());
    try {
        stream_ = guard.getStreamFromGlobalPool(device);
    } catch (const c10::Error &) {
        // not all sorts of devices have more than one
        stream_ = guard.getStream(device);
    }
}

void DeviceStream::synchronize() const
{
    if (stream_)
        stream_->synchronize();
}

void DeviceStream::settle() const noexcept
{
    try {
        synchronize();
    } catch (...) {
    }
}

DeviceStream::Use::Use(const DeviceStream &stream)
{
    if (stream.get())
        guard_.reset_stream(*stream.get());
}

void synchronize_default_stream(c10::Device device)
{
    if (!device.is_cpu())
        c10::impl::VirtualGuardImpl(device.type()).getStream(device).synchronize();
}

void release_device_memory(c10::Device device) noexcept
{
    if (device.is_cpu())
        release_kept_memory();
    else if (device.is_cuda())
        cuda::release_memory();
}

at::Tensor make_host_buffer(c10::Device device, int64_t n, at::ScalarType type)
{
    const at::TensorOptions options = at::TensorOptions().dtype(type);

    if (device.is_cpu())
        return at::empty({ n }, options);
    try {
        return at::empty({ n }, options.pinned_memory(true));
    } catch (const c10::Error &) {
        // slower, but it will do
        return at::empty({ n }, options);
    }
}

} // namespace fftorch
