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
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <new>
#include <sstream>
#include <stdexcept>

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <caffe2/serialize/inline_container.h>

#include "dnn_torch_device.h"
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

/**
 * @return whether a device had no more memory, by the words of LibTorch, cuBLAS and
 *         cuDNN: a TorchScript network hides what sort of exception it was
 */
bool lacks_memory(const char *message)
{
    for (const char *words : { "out of memory", "ALLOC_FAILED", "unable to find an engine" })
        if (strstr(message, words))
            return true;
    return false;
}

Failure make_failure(const char *message)
{
    return { AVERROR_EXTERNAL, one_line(message), lacks_memory(message) };
}

/** @return whether a file is what torch.save() wrote before its files were zip archives */
bool is_pickle(const std::string &path)
{
    std::ifstream file(path, std::ios::binary);
    const int mark = file.get(), protocol = file.get();

    return mark == 0x80 && protocol >= 2 && protocol <= 5;
}

/** @return the names of an archive's records, none if it is no archive */
std::vector<std::string> records(const std::string &path)
{
    try {
        return caffe2::serialize::PyTorchStreamReader(path).getAllRecords();
    } catch (const c10::Error &) {
        return {}; // who loads it tells why
    }
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
            return make_failure(e.what_without_backtrace());
        } catch (const std::exception &e) {
            return make_failure(e.what());
        } catch (...) {
            return { AVERROR_EXTERNAL, "unknown exception" };
        }
    } catch (...) {
        // there was no memory for the reason
        return { AVERROR(ENOMEM), std::string() };
    }
}

std::unique_ptr<Model> load_model(const ModelOptions &options)
{
    const std::filesystem::path file = options.path;

    if (!std::filesystem::exists(file))
        throw std::invalid_argument("no such file");
    if (std::filesystem::is_directory(file))
        throw std::invalid_argument("it is a directory");
    // LibTorch would wait for ever for who writes to a pipe
    if (!std::filesystem::is_regular_file(file))
        throw std::invalid_argument("it is not a regular file");
    if (!std::ifstream(file))
        throw std::invalid_argument(std::string("it cannot be opened: ") + strerror(errno));

    const std::vector<std::string> names = records(options.path);
    const auto has = [&](const char *part) {
        return std::any_of(names.begin(), names.end(), [&](const std::string &name) {
            return name.find(part) != std::string::npos;
        });
    };
    if (has("data/aotinductor/"))
        return load_package(options);
    // what torch.save() writes is the same sort of archive as TorchScript
    if ((has("data.pkl") && !has("constants.pkl")) || is_pickle(options.path))
        throw std::invalid_argument(
            "it is a checkpoint or state_dict, not a network: "
            "tools/dnn_torch_export.py makes of it and the network's source what can be loaded");
    if (has("models/") || has("serialized_exported_program"))
        throw std::invalid_argument(
            "it is an exported program that was not compiled: compile it in Python with "
            "torch._inductor.aoti_compile_and_package(), or see tools/dnn_torch_export.py");
    return load_script(options);
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

at::Tensor Model::make_input(int64_t n, int64_t c, int64_t h, int64_t w, c10::Device device) const
{
    const at::TensorOptions options = at::TensorOptions().dtype(input_type_).device(device);

    if (options_.nhwc)
        return at::empty({ n, h, w, c }, options).permute({ 0, 3, 1, 2 });
    return at::empty({ n, c, h, w }, options,
                     frames_ ? at::MemoryFormat::Contiguous : input_format_);
}

bool Model::accepts(int64_t c, int64_t h, int64_t w)
{
    try {
        forward(make_input(1, c, h, w, device_).zero_());
        return true;
    } catch (const std::bad_alloc &) {
        throw;
    } catch (const std::exception &) {
        return false;
    }
}

template <typename Run>
auto Model::prepare_with(int64_t n, int64_t c, int64_t h, int64_t w, const Run &run)
{
    if (description_.empty())
        choose(n, c, h, w);

    auto result = run(make_input(n, c, h, w, device_).zero_());
    forget();
    synchronize_default_stream(device_);
    // the workers' streams cannot have what the default one keeps
    if (!device_.is_cpu())
        release_device_memory(device_);
    return result;
}

at::Tensor Model::prepare(int64_t n, int64_t c, int64_t h, int64_t w)
{
    return prepare_with(n, c, h, w, [&](const at::Tensor &input) { return forward(input); });
}

std::vector<at::Tensor> Model::prepare_all(int64_t n, int64_t c, int64_t h, int64_t w)
{
    return prepare_with(n, c, h, w, [&](const at::Tensor &input) { return forward_all(input); });
}

/** Run a batch in the arrangement that the network wants; the caller is in inference mode. */
std::vector<at::Tensor> Model::run_arranged(const at::Tensor &input)
{
    const KeepMemory keep_memory(options_.keep_memory && device_.is_cpu());
    at::Tensor arranged = input;

    if (frames_)
        arranged = input.view({ input.size(0), frames_, input.size(1) / frames_,
                                input.size(2), input.size(3) });
    else if (options_.nhwc)
        arranged = input.permute({ 0, 2, 3, 1 });
    // an alias: what the network does to its shape in place is not to reach ours
    return run(arranged.to(device_, input_type_).alias());
}

std::vector<at::Tensor> Model::forward_all(const at::Tensor &input)
{
    const c10::InferenceMode inference_mode;
    std::vector<at::Tensor> outputs = run_arranged(input);

    for (at::Tensor &output : outputs)
        output = output.to(at::kCPU, at::kFloat);
    return outputs;
}

at::Tensor Model::forward(const at::Tensor &input)
{
    const c10::InferenceMode inference_mode;
    const std::vector<at::Tensor> outputs = run_arranged(input);

    if (outputs.size() != 1)
        throw std::runtime_error("it returned " + std::to_string(outputs.size()) +
                                 " tensors instead of one");

    at::Tensor output = outputs[0];
    if (output.layout() != at::kStrided) {
        std::ostringstream layout;
        layout << output.layout();
        throw std::runtime_error("it returned a tensor of layout " + layout.str() +
                                 " instead of a dense one");
    }
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
    return output.to(device_);
}

} // namespace fftorch
