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

#include "network.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <new>
#include <sstream>
#include <stdexcept>
#include <unordered_set>
#include <utility>

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <caffe2/serialize/inline_container.h>
#include <torch/version.h>

#include "blas.h"
#include "device.h"
#include "error.h"
#include "allocator.h"
#include "proof.h"

extern "C" {
#include "libavutil/error.h"
#include "libavutil/log.h"
}

namespace fftorch {
namespace {

/** LibTorch has a handler for each thread. */
#ifdef WARNINGS_ARE_OBJECTS
using WarningGuard = c10::WarningUtils::WarningHandlerGuard;
#else
using WarningGuard = c10::Warning::WarningHandlerGuard;
#endif

std::string how_to_export()
{
    return ": save the network with torch.jit.script(network.eval()).save(FILE), "
           "or see tools/dnn_torch_export.py";
}

/** Archives or not: torch.save() changed its format with PyTorch 1.6. */
std::string describe_saved()
{
    return "it is what torch.save() wrote: a checkpoint, a state_dict or a pickled network" +
           how_to_export();
}

/** @return the names of an archive's records; none if it cannot be read, and why */
std::vector<std::string> records(const std::string &path, std::string &reason)
{
    try {
        return caffe2::serialize::PyTorchStreamReader(path).getAllRecords();
    } catch (const c10::Error &e) {
        reason = one_line(e.what_without_backtrace());
        return {};
    }
}

/**
 * @return what sort of file it is that LibTorch cannot load, by its first bytes,
 *         and what to do with it
 * @param reason what LibTorch says: a newer PyTorch may have written it
 */
std::string describe_foreign(const std::string &path, const std::string &reason)
{
    std::ifstream file(path, std::ios::binary);
    char bytes[16] = {};
    file.read(bytes, sizeof(bytes));
    const std::string start(bytes, file.gcount());
    const uint8_t *byte = reinterpret_cast<const uint8_t *>(bytes);

    if (start.empty())
        return "the file is empty";
    // a pickle
    if (byte[0] == 0x80 && byte[1] >= 2 && byte[1] <= 5)
        return describe_saved();
    if (byte[8] == '{' && !byte[5] && !byte[6] && !byte[7])
        return "it is a safetensors file, weights without a network" + how_to_export();
    // a protocol buffer of ONNX: the version of its format, then who made it
    if (byte[0] == 0x08 && byte[1] < 32 && (byte[2] == 0x12 || byte[2] == 0x3a))
        return "it is an ONNX file, which is not for LibTorch: take dnn_backend=onnx or openvino, "
               "or export the network as TorchScript";
    if (start.compare(0, 2, "PK"))
        return "it is neither a TorchScript file nor a compiled package, which are zip archives" +
               how_to_export();
    return "LibTorch " TORCH_VERSION " cannot read this zip archive, copy it anew or export it for that "
           "version: " + reason;
}

} // namespace

std::unique_ptr<Network> load_network(const NetworkOptions &options)
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

    // in an archive the start of a name tells; what follows may be a package of the user's
    std::string reason;
    const std::vector<std::string> names = records(options.path, reason);
    const auto has = [&](const std::string &start) {
        return std::any_of(names.begin(), names.end(), [&](const std::string &name) {
            return !name.compare(0, start.size(), start);
        });
    };
    if (names.empty())
        throw std::invalid_argument(describe_foreign(options.path, reason));
    WarningLog log(options);
    const WarningGuard warnings(&log);
    if (has("constants.pkl"))
        return load_script(options);
    // without a folder around it the archive's first one counts as its name
    if (has("data/aotinductor/") || has("aotinductor/"))
        return load_package(options);
    if (has("data.pkl"))
        throw std::invalid_argument(describe_saved());
    if (has("models/") || has("serialized_exported_program"))
        throw std::invalid_argument(
            "it is an exported program that was not compiled: compile it in Python with "
            "torch._inductor.aoti_compile_and_package(), or see tools/dnn_torch_export.py");
    throw std::invalid_argument("it is a zip archive, but not of a network" + how_to_export());
}

void WarningLog::tell(const std::string &text)
{
    // ffmpeg opens a network twice, and some texts have a number that is always another
    constexpr size_t enough = 32;
    static std::mutex mutex;
    static std::unordered_set<std::string> told;
    const std::string line = options_.path + ": LibTorch warns: " + one_line(text);
    const std::lock_guard<std::mutex> lock(mutex);

    if (told.size() < enough && told.insert(line).second)
        av_log(options_.log_ctx, AV_LOG_WARNING, "%s\n", line.c_str());
}

Network::~Network()
{
    if (options_.keep_memory)
        release_kept_memory();
    release_free_memory();
}

void Network::enter_thread(int threads)
{
    // A thread that never sets the number may compute on one core. To set it
    // again costs a pool of threads that is made anew.
    if (at::get_num_threads() != threads)
        at::set_num_threads(threads);
}

at::Tensor Network::make_input(int64_t n, int64_t c, int64_t h, int64_t w, c10::Device device) const
{
    const at::TensorOptions options = at::TensorOptions().dtype(input_type_).device(device);

    if (options_.nhwc)
        return at::empty({ n, h, w, c }, options).permute({ 0, 3, 1, 2 });
    return at::empty({ n, c, h, w }, options,
                     frames_ ? at::MemoryFormat::Contiguous : input_format_);
}

at::Tensor Network::make_picture(int64_t n, int64_t c, int64_t h, int64_t w, int number) const
{
    at::Tensor input = make_input(n, c, h, w, device_);

    if (flat_)
        return input.zero_();
    fill_with_picture(input, options_.low, options_.high, number);
    return input;
}

bool Network::accepts(int64_t c, int64_t h, int64_t w)
{
    const bool flat = flat_;
    bool accepted = false;

    // it may fail on what is in the picture: then a black one tells
    for (int i = 0; i < 2 && !accepted; i++) {
        try {
            flat_ = i;
            const std::vector<at::Tensor> outputs = forward_all(make_picture(1, c, h, w, 0));
            returned_ = outputs.size() == 1 ? outputs[0].sizes().vec() : std::vector<int64_t>();
            accepted = true;
        } catch (const std::bad_alloc &) {
            flat_ = flat;
            throw;
        } catch (const std::exception &) {
        }
    }
    flat_ = flat;
    return accepted;
}

/** @return whether accepts() saw a frame with c channels returned, or one for each of a window */
bool Network::returned_frames(int64_t c) const
{
    if (frames_ && returned_.size() == 5)
        return returned_[1] == frames_ && returned_[2] == c;
    return returned_.size() == 4 && returned_[options_.nhwc ? 3 : 1] == c;
}

/**
 * @return whether the network takes frames of a size; if so, channels_ and
 *         fits_, whether it returns such frames, are set
 */
bool Network::probe_channels(int64_t frames, int64_t h, int64_t w)
{
    const bool three = accepts(3 * frames, h, w), three_fit = three && returned_frames(3);
    const bool one   = accepts(frames, h, w), one_fits = one && returned_frames(1);

    if (three != one)
        channels_ = (three ? 3 : 1) * frames;
    fits_ = three_fit || one_fits;
    return three || one;
}

/** The same for the sizes that there may be. */
bool Network::probe_sizes(int64_t frames, int64_t h, int64_t w)
{
    if (h)
        return probe_channels(frames, h, w);
    for (int side : { 32, 64, 224, 256 })
        if (probe_channels(frames, side, side))
            return true;
    return false;
}

void Network::probe(int frames, int stack, int64_t height, int64_t width)
{
    const bool in_time = stack == STACK_TIME || (stack == STACK_AUTO && frames > 1);

    // a package tells its channels, and takes them in four dimensions
    if (!channels_) {
        const bool taken = stack != STACK_TIME && probe_sizes(frames, height, width);

        // one that picks a frame, x[:, 1], out of five dimensions may run with four, too: it
        // picks a channel [1, H, W], which LibTorch's layers take for a picture [C, H, W]
        if (in_time && !(taken && fits_)) {
            const int64_t channels = std::exchange(channels_, 0);
            if (taken)
                settle();
            frames_ = frames;
            if (probe_sizes(frames, height, width) && (fits_ || !taken))
                return settle();
            channels_ = channels;
        }
        if (taken) {
            frames_ = 0;
            return settle();
        }
    }
    settle();
    // it takes a certain size, or other channels than frames have
    frames_ = stack == STACK_TIME ? frames : 0;
    if (!channels_)
        channels_ = guess_channels() * (frames_ ? frames : 1);
}

/** Once for a network. @param share of its time that goes to products of matrices */
void Network::tell_of_slow_blas(double share)
{
    // products of 16 bits are oneDNN's; less than that is not worth a line
    if (told_of_blas_ || share < 0.3 || !device_.is_cpu() || input_type_ != at::kFloat)
        return;
    told_of_blas_ = true;
    if (blas_is_slow())
        av_log(options_.log_ctx, AV_LOG_WARNING, "%s: %d %% of its time goes to products of matrices, "
               "which the BLAS library that is installed (libblas.so.3) computes slowly: install BLIS "
               "or OpenBLAS (Debian: libblis4-serial)\n", options_.path.c_str(), (int)(100 * share));
}

template <typename Run>
auto Network::prepare_with(int64_t c, int64_t h, int64_t w, const Run &run)
{
    choose(c, h, w);

    const at::Tensor picture = make_picture(1, c, h, w, 0);
    const BlasMeter meter;
    auto result = run(picture);
    tell_of_slow_blas(meter.share());
    forget();
    release_free_memory();
    synchronize_default_stream(device_);
    // the workers' streams cannot have what the default one keeps
    if (!device_.is_cpu())
        release_device_memory(device_);
    return result;
}

at::Tensor Network::prepare(int64_t c, int64_t h, int64_t w)
{
    return prepare_with(c, h, w, [&](const at::Tensor &input) { return forward(input); });
}

std::vector<at::Tensor> Network::prepare_all(int64_t c, int64_t h, int64_t w)
{
    return prepare_with(c, h, w, [&](const at::Tensor &input) { return forward_all(input); });
}

void Network::prove_batches(int64_t c, int64_t h, int64_t w, const Pick &pick)
{
    std::vector<std::vector<at::Tensor>> alone;
    std::string reason;

    batches_ = { 1 };
    if (options_.batch_size == 1)
        return;
    if (stateful_ || random_ || flat_) {
        reason = stateful_ ? "it remembers something from frame to frame" :
                 random_   ? "it draws random numbers"
                           : "it fails on the pictures that batches are tried on";
    } else {
        for (int i = 0; i < options_.batch_size; i++)
            alone.push_back(pick(forward_all(make_picture(1, c, h, w, i)), 1, 0));
        for (int n = options_.batch_size; n > 1; n = (n + 1) / 2) {
            double worst = 0;
            try {
                const std::vector<at::Tensor> outputs = forward_all(make_picture(n, c, h, w, 0));
                for (int i = 0; i < n; i++)
                    worst = std::max(worst, apart(alone[i], pick(outputs, n, i), input_type_));
                if (worst <= 1)
                    batches_.insert(batches_.end() - 1, n);
                else if (reason.empty())
                    reason = "a batch of " + std::to_string(n) +
                             " gives other pictures than its frames one by one";
            } catch (const std::exception &) {
                if (reason.empty())
                    reason = "a batch of " + std::to_string(n) + " failed: " +
                             describe_exception().reason;
            }
        }
    }
    if (!reason.empty())
        av_log(options_.log_ctx, AV_LOG_WARNING, "%s: %s, so batch_size=%d runs %s\n",
               options_.path.c_str(), reason.c_str(), options_.batch_size,
               batches_[0] == 1 ? "frame by frame"
                                : ("batches of " + std::to_string(batches_[0])).c_str());
}

size_t Network::largest_batch(size_t wanted) const
{
    for (size_t batch : batches_)
        if (batch <= wanted)
            return batch;
    return 1;
}

/** Run a batch in the arrangement that the network wants; the caller is in inference mode. */
std::vector<at::Tensor> Network::run_arranged(const at::Tensor &input)
{
    const KeepMemory keep_memory(options_.keep_memory && device_.is_cpu());
    const WarningGuard warnings(&warnings_);
    at::Tensor arranged = input;

    if (frames_)
        arranged = input.view({ input.size(0), frames_, input.size(1) / frames_,
                                input.size(2), input.size(3) });
    else if (options_.nhwc)
        arranged = input.permute({ 0, 2, 3, 1 });
    // an alias: what the network does to its shape in place is not to reach ours
    return run(arranged.to(device_, input_type_).alias());
}

std::vector<at::Tensor> Network::forward_all(const at::Tensor &input)
{
    const c10::InferenceMode inference_mode;
    std::vector<at::Tensor> outputs = run_arranged(input);

    for (at::Tensor &output : outputs)
        output = output.resolve_conj().resolve_neg().to(at::kCPU, at::kFloat);
    return outputs;
}

at::Tensor Network::forward(const at::Tensor &input)
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
    // what is negated only when it is read
    return output.resolve_neg().to(device_);
}

} // namespace fftorch
