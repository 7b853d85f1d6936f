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

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <new>
#include <sstream>
#include <stdexcept>
#include <vector>

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include "dnn_torch_memory.h"

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
    const std::filesystem::path file = path;

    if (!std::filesystem::exists(file))
        throw std::invalid_argument("no such file");
    if (std::filesystem::is_directory(file))
        throw std::invalid_argument("it is a directory");

    try {
        torch::jit::Module module = torch::jit::load(path, device);
        module.eval();
        return module;
    } catch (const c10::Error &e) {
        // what torch.save() writes is the same sort of archive
        if (e.msg().find("constants.pkl") != std::string::npos)
            throw std::invalid_argument(
                "it is a checkpoint or state_dict, not a TorchScript file: load it into the network "
                "in Python and save that with torch.jit.script(network.eval()).save(\"net.pt\")");
        throw;
    }
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
    : options_(options), device_(open_device(options.device)),
      loaded_(load_module(options.path, device_)),
      anatomy_(loaded_), variant_{ OPTIMIZE_NONE, LAYOUT_CONTIGUOUS }
{
}

Model::~Model()
{
    if (options_.keep_memory)
        release_kept_memory();
}

void Model::enter_thread(int threads)
{
    // A thread that never sets the number may compute on one core. To set it
    // again costs a pool of threads that is made anew.
    if (at::get_num_threads() != threads)
        at::set_num_threads(threads);
}

void Model::build(Variant variant)
{
    running_ = make_variant(loaded_, anatomy_, variant, options_.precision);
    variant_ = variant;
}

/** @return seconds of the fastest of some runs */
double Model::measure(const at::Tensor &input)
{
    using clock = std::chrono::steady_clock;
    using seconds = std::chrono::duration<double>;
    const clock::time_point begin = clock::now();
    double best = HUGE_VAL;

    forward(input);
    // half a second tells enough; a network that needs longer for a run gets two
    do {
        const clock::time_point start = clock::now();
        forward(input);
        best = std::min(best, seconds(clock::now() - start).count());
    } while (seconds(clock::now() - begin).count() < 0.5);
    return best;
}

void Model::choose(int64_t n, int64_t c, int64_t h, int64_t w)
{
    std::string reason;
    Variant rule = choose_by_rule(anatomy_, options_.precision, reason);
    std::vector<Variant> candidates;

    for (Optimize optimize : { OPTIMIZE_NONE, OPTIMIZE_FREEZE, OPTIMIZE_INFERENCE }) {
        for (Layout layout : { LAYOUT_CONTIGUOUS, LAYOUT_CHANNELS_LAST }) {
            const auto fits = [](int option, int value, int by_rule) {
                return option == value || option == CHOOSE_BY_MEASURING ||
                       (option == CHOOSE_BY_RULE && value == by_rule);
            };
            if (fits(options_.optimize, optimize, rule.optimize) &&
                fits(options_.memory_format, layout, rule.layout))
                candidates.push_back({ optimize, layout });
        }
    }

    if (candidates.size() == 1) {
        build(candidates[0]);
        description_ = variant_.name() + " (" + reason + ")";
        return;
    }

    double  best_time = HUGE_VAL;
    Variant best      = candidates[0];
    for (Variant candidate : candidates) {
        build(candidate);
        const double time = measure(make_input(n, c, h, w).zero_());
        std::ostringstream result;
        result << (description_.empty() ? "" : ", ") << candidate.name() << ' ' << time * 1e3 << " ms";
        description_ += result.str();
        if (time < best_time) {
            best_time = time;
            best      = candidate;
        }
    }
    build(best);
    description_ = variant_.name() + " (measured: " + description_ + ")";
}

at::Tensor Model::prepare(int64_t n, int64_t c, int64_t h, int64_t w)
{
    if (description_.empty())
        choose(n, c, h, w);

    at::Tensor output = forward(make_input(n, c, h, w).zero_());
    if (anatomy_.has_memory)
        build(variant_); // one that has not seen that
    return output;
}

bool Model::accepts(int64_t c, int64_t h, int64_t w)
{
    try {
        build({ OPTIMIZE_NONE, LAYOUT_CONTIGUOUS });
        forward(make_input(1, c, h, w).zero_());
        return true;
    } catch (const std::bad_alloc &) {
        throw;
    } catch (const std::exception &) {
        return false;
    }
}

at::Tensor Model::make_input(int64_t n, int64_t c, int64_t h, int64_t w) const
{
    const at::TensorOptions options = at::TensorOptions().dtype(options_.precision);

    if (options_.nhwc)
        return at::empty({ n, h, w, c }, options).permute({ 0, 3, 1, 2 });
    return at::empty({ n, c, h, w }, options,
                     variant_.layout == LAYOUT_CHANNELS_LAST && !frames_
                         ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
}

/** @return a view of an input as the network wants it */
at::Tensor Model::arranged(const at::Tensor &input) const
{
    if (frames_)
        return input.view({ input.size(0), frames_, input.size(1) / frames_,
                            input.size(2), input.size(3) });
    return options_.nhwc ? input.permute({ 0, 2, 3, 1 }) : input;
}

at::Tensor Model::forward(const at::Tensor &input)
{
    const c10::InferenceMode inference_mode;
    const KeepMemory keep_memory(options_.keep_memory && device_.is_cpu());
    std::vector<torch::jit::IValue> inputs{ arranged(input).to(device_, options_.precision) };

    // the profiling executor would recompile, and change bits, in mid-stream
    const torch::jit::GraphOptimizerEnabledGuard no_profiling(false);
    at::Tensor output = only_tensor(running_.forward(std::move(inputs)));

    if (output.dim() == 3 && input.size(0) == 1)
        output = output.unsqueeze(0);
    if (output.dim() == 5 && frames_ && output.size(1) == frames_)
        output = output.select(1, frames_ / 2);
    if (output.dim() != 4 || output.size(0) != input.size(0)) {
        std::ostringstream shape;
        shape << output.sizes();
        throw std::runtime_error("it returned a tensor of shape " + shape.str() +
                                 " instead of [" + std::to_string(input.size(0)) + ", C, H, W]");
    }
    if (!output.is_floating_point())
        throw std::runtime_error(std::string("it returned ") + toString(output.scalar_type()) +
                                 " values instead of floating-point ones");

    if (options_.nhwc)
        output = output.permute({ 0, 3, 1, 2 });
    return output.to(at::kCPU);
}

} // namespace fftorch
