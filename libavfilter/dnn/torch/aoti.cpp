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
 * Networks that AOTInductor compiled, in .pt2 packages.
 */

#include <stdexcept>

#include "network.h"

// in LibTorch since 2.6, but see Signature
#if __has_include(<torch/csrc/inductor/aoti_package/model_package_loader.h>)
#define HAVE_PACKAGES 1
#else
#define HAVE_PACKAGES 0
#endif

#if HAVE_PACKAGES

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <type_traits>

#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>

#include "graph.h"

namespace fftorch {
namespace {

using torch::inductor::AOTIModelPackageLoader;

/** of an input that is told from one with four dimensions */
constexpr int max_dims = 8;
constexpr int64_t any_size = std::numeric_limits<int64_t>::max();

/**
 * What a package was compiled for. No function tells; it is read from the
 * checks in the C++ source that PyTorch 2.7 and later put beside the compiled
 * code. Those are off when it runs: code that is given another shape than it
 * was compiled for reads and writes memory that is not its own.
 */
struct Signature {
    int            dims          = 0; ///< of its input; 0: no checks found
    bool           channels_last = false;
    bool           more_inputs   = false;
    at::ScalarType type          = at::ScalarType::Undefined;
    /** N, C, H, W: from and to */
    int64_t least[max_dims] = { 1, 1, 1, 1 };
    int64_t most[max_dims]  = { any_size, any_size, any_size, any_size };

    explicit Signature(const std::string &path);

    bool is_fixed(int dim) const { return least[dim] == most[dim]; }
    bool fits(const int64_t (&shape)[4]) const;
    std::string shape() const;

private:
    void read(const std::string &source);
};

/** Call function(dimension, number) for each check of this kind of the input. */
template <typename Function>
void for_each_check(const std::string &source, const std::string &kind, const Function &function)
{
    const std::string key = "input_handles[0]: " + kind + " at ";

    for (size_t at = source.find(key); at != std::string::npos; at = source.find(key, at)) {
        at += key.size();
        const int    dim    = std::atoi(source.c_str() + at);
        const size_t number = source.find_first_of("0123456789", source.find("expected", at));
        if (dim >= 0 && dim < max_dims && number != std::string::npos)
            function(dim, std::strtoll(source.c_str() + number, nullptr, 10));
    }
}

void Signature::read(const std::string &source)
{
    const size_t begin = source.find("input_handles[0]: unmatched dtype");

    if (begin == std::string::npos)
        return;

    const std::string check = source.substr(begin, 200);
    for (at::ScalarType candidate : { at::kFloat, at::kHalf, at::kBFloat16 })
        if (check.find("(at::k" + std::string(toString(candidate)) + ")") != std::string::npos)
            type = candidate;
    more_inputs = source.find("input_handles[1]: ") != std::string::npos;

    for_each_check(source, "unmatched dim value", [&](int dim, int64_t size) {
        dims       = std::max(dims, dim + 1);
        least[dim] = most[dim] = size;
    });
    for_each_check(source, "dim value is too small",
                   [&](int dim, int64_t size) { least[dim] = size; });
    for_each_check(source, "dim value is too large",
                   [&](int dim, int64_t size) { most[dim] = size; });
    for_each_check(source, "unmatched stride value", [&](int dim, int64_t stride) {
        dims = std::max(dims, dim + 1);
        if (dim == 1 && stride == 1)
            channels_last = true;
    });
}

Signature::Signature(const std::string &path)
{
    caffe2::serialize::PyTorchStreamReader reader(path);

    for (const std::string &name : reader.getAllRecords()) {
        if (name.find("data/aotinductor/model/") == std::string::npos ||
            name.size() < 4 || name.compare(name.size() - 4, 4, ".cpp"))
            continue;
        const auto record = reader.getRecord(name);
        read(std::string(static_cast<const char *>(std::get<0>(record).get()), std::get<1>(record)));
    }
}

bool Signature::fits(const int64_t (&shape)[4]) const
{
    for (int i = 0; i < 4; i++)
        if (shape[i] < least[i] || shape[i] > most[i])
            return false;
    return true;
}

std::string join_shape(const std::string (&sizes)[4])
{
    return sizes[0] + "x" + sizes[1] + "x" + sizes[2] + "x" + sizes[3];
}

std::string Signature::shape() const
{
    std::string sizes[4];

    for (int i = 0; i < 4; i++) {
        sizes[i] = std::to_string(least[i]);
        if (!is_fixed(i))
            sizes[i] = "(" + sizes[i] + " to " +
                       (most[i] < INT32_MAX ? std::to_string(most[i]) : "any") + ")";
    }
    return join_shape(sizes);
}

/** Before there was a number of runners, there was one, and runs wait for it. */
template <typename Loader>
std::unique_ptr<Loader> open_package(const NetworkOptions &options)
{
    if constexpr (std::is_constructible_v<Loader, std::string, std::string, bool, size_t,
                                          c10::DeviceIndex>) {
        return std::make_unique<Loader>(options.path, "model", false,
                                        static_cast<size_t>(options.runners),
                                        options.device.index());
    } else if constexpr (std::is_constructible_v<Loader, std::string, std::string, bool, size_t>) {
        return std::make_unique<Loader>(options.path, "model", false,
                                        static_cast<size_t>(options.runners));
    } else {
        return std::make_unique<Loader>(options.path, "model");
    }
}

class PackageNetwork : public Network {
public:
    explicit PackageNetwork(const NetworkOptions &options);

    // it waits for events of its own, which a recording would take in
    bool can_be_recorded() const override { return false; }

private:
    void choose(int64_t c, int64_t h, int64_t w) override;
    void forget() override;
    std::vector<at::Tensor> run(const at::Tensor &input) override;
    void check_options();

    Signature                               signature_;
    std::unique_ptr<AOTIModelPackageLoader> loader_;
};

/** Refuse what cannot be had, before the package's code is loaded. */
void PackageNetwork::check_options()
{
    if (!signature_.dims)
        throw std::invalid_argument("it does not tell what it was compiled for: "
                                    "compile it with PyTorch 2.7 or later");
    if (signature_.more_inputs || signature_.dims != 4)
        throw std::invalid_argument("it takes something else than one tensor [N, C, H, W]");
    if (signature_.type == at::ScalarType::Undefined)
        throw std::invalid_argument("it takes something else than float, half or bfloat16 values");
    if (options_.precision != at::kFloat && options_.precision != signature_.type)
        throw std::invalid_argument(std::string("it was compiled for ") +
                                    toString(signature_.type) +
                                    " values, which the option precision cannot change");
    if (options_.optimize > OPTIMIZE_NONE)
        throw std::invalid_argument("the option optimize is for TorchScript files: "
                                    "a package runs as it was compiled");
    const int layout = signature_.channels_last ? LAYOUT_CHANNELS_LAST : LAYOUT_CONTIGUOUS;
    if (options_.memory_format >= 0 && options_.memory_format != layout)
        throw std::invalid_argument(std::string("it was compiled for ") +
                                    (signature_.channels_last ? "channels_last" : "contiguous") +
                                    " tensors, which the option memory_format cannot change");
    if (options_.batch_size > signature_.most[0])
        throw std::invalid_argument("it was compiled for batches of " +
                                    std::to_string(signature_.most[0]) + ", batch_size=" +
                                    std::to_string(options_.batch_size) + " is more");
}

PackageNetwork::PackageNetwork(const NetworkOptions &options)
    : Network(options), signature_(options.path)
{
    check_options();
    input_type_ = signature_.type;
    if (signature_.channels_last)
        input_format_ = at::MemoryFormat::ChannelsLast;
    const int channels = options_.nhwc ? 3 : 1;
    if (signature_.is_fixed(channels))
        channels_ = signature_.least[channels];
    loader_ = open_package<AOTIModelPackageLoader>(options);

    const auto metadata = loader_->get_metadata();
    const auto compiled = metadata.find("AOTI_DEVICE_KEY");
    const std::string wanted = DeviceTypeName(device_.type(), true);
    if (compiled != metadata.end() && compiled->second != wanted)
        throw std::invalid_argument("it was compiled for device " + compiled->second + ", not " +
                                    wanted);
}

/** A package does not tell whether it has state: then equal runs give unequal pictures. */
void PackageNetwork::choose(int64_t c, int64_t h, int64_t w)
{
    if (description_.empty()) {
        const at::Tensor input = make_picture(1, c, h, w, 0);
        const std::vector<at::Tensor> first = forward_all(input), second = forward_all(input);
        for (size_t i = 0; i < first.size(); i++)
            stateful_ = stateful_ || !first[i].equal(second[i]);
    }
    description_ = "as it was compiled, for " + signature_.shape() + " " + toString(input_type_) +
                   " values";
}

void PackageNetwork::forget()
{
    if (stateful_)
        loader_ = open_package<AOTIModelPackageLoader>(options_);
}

std::vector<at::Tensor> PackageNetwork::run(const at::Tensor &input)
{
    const int64_t batch = input.size(0);
    // a batch that is smaller than those compiled for is filled up
    const int64_t full  = std::max(batch, signature_.least[0]);
    const int64_t shape[4] = { full, input.size(1), input.size(2), input.size(3) };

    if (!signature_.fits(shape))
        throw std::invalid_argument(
            "the package was compiled for " + signature_.shape() + ", the frames are " +
            join_shape({ std::to_string(batch), std::to_string(shape[1]),
                         std::to_string(shape[2]), std::to_string(shape[3]) }));

    at::Tensor filled = input;
    if (full > batch) {
        filled = at::zeros({ full, shape[1], shape[2], shape[3] }, input.options())
                     .contiguous(input_format_);
        filled.narrow(0, 0, batch).copy_(input);
    }

    std::vector<at::Tensor> outputs = loader_->run({ filled });
    for (at::Tensor &output : outputs)
        if (full > batch && output.dim() && output.size(0) == full)
            output = output.narrow(0, 0, batch);
    return outputs;
}

} // namespace

std::unique_ptr<Network> load_package(const NetworkOptions &options)
{
    return std::make_unique<PackageNetwork>(options);
}

} // namespace fftorch

#else

#include <torch/version.h>

namespace fftorch {

std::unique_ptr<Network> load_package(const NetworkOptions &)
{
    throw std::invalid_argument("it is a compiled package, which takes LibTorch 2.7 or later, "
                                "and this is " TORCH_VERSION);
}

} // namespace fftorch

#endif
