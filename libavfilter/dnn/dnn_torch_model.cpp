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

#include "dnn_torch_model.h"

#include <filesystem>
#include <new>
#include <sstream>
#include <stdexcept>
#include <vector>

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/csrc/jit/passes/inliner.h>

extern "C" {
#include "libavutil/error.h"
}

namespace fftorch {
namespace {

/**
 * Reduce a message of LibTorch to the line that matters: the last one of a
 * TorchScript traceback, the first one of anything else.
 */
std::string one_line(const std::string &message)
{
    const bool traceback = message.find("Traceback of TorchScript") != std::string::npos;
    // the C++ stack that some messages carry
    std::istringstream lines(message.substr(0, message.find("\nException raised from")));
    std::string line, best;

    while (std::getline(lines, line)) {
        const size_t start = line.find_first_not_of(" \t");
        if (start == std::string::npos)
            continue;
        best = line.substr(start);
        if (!traceback)
            break;
    }
    return best.empty() ? "no reason given" : best;
}

c10::Device open_device(const std::string &name)
{
    c10::Device device(name);

    if (device.is_cpu())
        return device;
    if (!c10::impl::hasDeviceGuardImpl(device.type()))
        throw std::invalid_argument("this LibTorch was built without support for device " + name);

    const int count = c10::impl::VirtualGuardImpl(device.type()).deviceCount();
    if (!count || (device.has_index() && device.index() >= count))
        throw std::invalid_argument("there is no device " + name + ", LibTorch found " +
                                    std::to_string(count) + " of its kind");
    return device;
}

torch::jit::Module load_module(const std::string &path, c10::Device device)
{
    const std::filesystem::path file = std::filesystem::u8path(path);

    if (!std::filesystem::exists(file))
        throw std::invalid_argument("no such file");
    if (std::filesystem::is_directory(file))
        throw std::invalid_argument("it is a directory");

    torch::jit::Module module = torch::jit::load(path, device);
    module.eval();
    return module;
}

/** Fold parameters, attributes and batch norms into the graph. */
torch::jit::Module prepare(const torch::jit::Module &module)
{
    return torch::jit::freeze(module);
}

int64_t first_convolution_channels(const torch::jit::Module &module)
{
    for (const auto &parameter : module.named_parameters(true))
        if (parameter.value.dim() == 4)
            return parameter.value.size(1);
    return 0;
}

/** @return the tensor in what a network returned, alone or as one of one */
at::Tensor only_tensor(const torch::jit::IValue &value)
{
    if (value.isTensor())
        return value.toTensor();
    if (value.isTuple() && value.toTuple()->elements().size() == 1)
        return only_tensor(value.toTuple()->elements()[0]);
    if (value.isTensorList() && value.toTensorVector().size() == 1)
        return value.toTensorVector()[0];
    throw std::runtime_error("it returned " + value.tagKind() + " instead of one tensor");
}

} // namespace

Failure describe_exception() noexcept
{
    try {
        try {
            throw;
        } catch (const std::bad_alloc &) {
            return { AVERROR(ENOMEM), "out of memory" };
        } catch (const std::invalid_argument &e) {
            return { AVERROR(EINVAL), one_line(e.what()) };
        } catch (const c10::Error &e) {
            return { AVERROR_EXTERNAL, one_line(e.what_without_backtrace()) };
        } catch (const std::exception &e) {
            return { AVERROR_EXTERNAL, one_line(e.what()) };
        } catch (...) {
            return { AVERROR_EXTERNAL, "unknown exception" };
        }
    } catch (...) {
        // there was no memory for the reason
        return { AVERROR(ENOMEM), std::string() };
    }
}

Model::Model(const ModelOptions &options)
    : device_(open_device(options.device)), threads_(options.threads)
{
    const torch::jit::Module module = load_module(options.path, device_);

    channels_ = first_convolution_channels(module);
    module_   = prepare(module);
}

void Model::enter_thread() const
{
    // a thread that never sets the number computes on one core
    at::set_num_threads(threads_ ? threads_ : at::get_num_threads());
}

at::Tensor Model::make_input(int64_t n, int64_t c, int64_t h, int64_t w) const
{
    return at::empty({ n, c, h, w }, at::kFloat);
}

at::Tensor Model::forward(const at::Tensor &input)
{
    c10::InferenceMode inference_mode;
    std::vector<torch::jit::IValue> inputs{ input.to(device_) };

    at::Tensor output = only_tensor(module_.forward(std::move(inputs)));

    if (output.dim() == 3 && input.size(0) == 1)
        output = output.unsqueeze(0);
    if (output.dim() != 4 || output.size(0) != input.size(0)) {
        std::ostringstream shape;
        shape << output.sizes();
        throw std::runtime_error("it returned a tensor of shape " + shape.str() +
                                 " instead of [" + std::to_string(input.size(0)) + ", C, H, W]");
    }
    if (!output.is_floating_point())
        throw std::runtime_error(std::string("it returned ") + toString(output.scalar_type()) +
                                 " values instead of floating-point ones");

    return output.to(at::kCPU, at::kFloat);
}

} // namespace fftorch
