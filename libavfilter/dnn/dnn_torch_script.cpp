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
 * Networks in TorchScript files.
 */

#include <algorithm>
#include <chrono>
#include <cmath>
#include <sstream>
#include <stdexcept>

#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/runtime/print_handler.h>
#include <torch/script.h>

#include "dnn_torch_graph.h"
#include "dnn_torch_model.h"

extern "C" {
#include "libavutil/log.h"
}

namespace fftorch {
namespace {

class ScriptModel : public Model {
public:
    explicit ScriptModel(const ModelOptions &options);

    bool accepts(int64_t c, int64_t h, int64_t w) override;
    int64_t channels() const override { return anatomy_.channels; }
    bool has_memory() const override { return anatomy_.has_memory; }

private:
    void choose(int64_t n, int64_t c, int64_t h, int64_t w) override;
    void forget() override;
    std::vector<at::Tensor> run(const at::Tensor &input) override;
    void build(Variant variant);
    Variant rule(std::string &reason) const;
    void build_by_rule();
    std::vector<at::Tensor> execute(const at::Tensor &input);
    double measure(const at::Tensor &input);

    torch::jit::Module loaded_;   ///< as it is in the file
    Anatomy            anatomy_;
    torch::jit::Module running_;  ///< as it runs
    Variant            variant_;
    bool               untried_ = false; ///< it is fused by the rule, and did not run yet
};

/** What a network prints goes to the log: a video may be written to the standard output. */
void redirect_print()
{
    static const bool once = [] {
        torch::jit::setPrintHandler([](const std::string &text) {
            av_log(NULL, AV_LOG_INFO, "%s", text.c_str());
        });
        return true;
    }();
    (void)once;
}

torch::jit::Module load_module(const std::string &path, c10::Device device)
{
    redirect_print();

    torch::jit::Module module = torch::jit::load(path, device);

    module.eval();
    return module;
}

/** Append the tensors in what a network returned, in their order. */
void collect_tensors(const torch::jit::IValue &value, std::vector<at::Tensor> &tensors)
{
    if (value.isTensor()) {
        tensors.push_back(value.toTensor());
    } else if (value.isTuple()) {
        for (const torch::jit::IValue &element : value.toTuple()->elements())
            collect_tensors(element, tensors);
    } else if (value.isList()) {
        for (const torch::jit::IValue &element : value.toListRef())
            collect_tensors(element, tensors);
    } else if (value.isGenericDict()) {
        for (const auto &entry : value.toGenericDict())
            collect_tensors(entry.value(), tensors);
    } else {
        throw std::runtime_error("it returned " + value.tagKind() + " where a tensor is expected");
    }
}

ScriptModel::ScriptModel(const ModelOptions &options)
    : Model(options), loaded_(load_module(options.path, options.device)),
      anatomy_(loaded_), variant_{ OPTIMIZE_NONE, LAYOUT_CONTIGUOUS }
{
    // oneDNN's part of LibTorch is for the CPU
    if (!device_.is_cpu())
        anatomy_.nb_fusable = 0;
}

void ScriptModel::build(Variant variant)
{
    running_ = make_variant(loaded_, anatomy_, variant, options_.precision);
    variant_ = variant;
    input_format_ = variant.layout == LAYOUT_CHANNELS_LAST ? at::MemoryFormat::ChannelsLast
                                                           : at::MemoryFormat::Contiguous;
}

/** @return seconds of the fastest of some runs */
double ScriptModel::measure(const at::Tensor &input)
{
    using clock = std::chrono::steady_clock;
    using seconds = std::chrono::duration<double>;
    const clock::time_point begin = clock::now();
    double best = HUGE_VAL;

    forward_all(input);
    // half a second tells enough; a network that needs longer for a run gets two
    do {
        const clock::time_point start = clock::now();
        forward_all(input);
        best = std::min(best, seconds(clock::now() - start).count());
    } while (seconds(clock::now() - begin).count() < 0.5);
    return best;
}

Variant ScriptModel::rule(std::string &reason) const
{
    return device_.is_cpu() ? choose_by_rule(anatomy_, options_.precision, reason)
                            : choose_for_device(options_.precision, reason);
}

void ScriptModel::build_by_rule()
{
    std::string reason;
    Variant variant = rule(reason);

    if (options_.optimize >= 0)
        variant.optimize = static_cast<Optimize>(options_.optimize);
    if (options_.memory_format >= 0)
        variant.layout = static_cast<Layout>(options_.memory_format);
    build(variant);
    description_ = variant.name() + " (" + reason + ")";
    untried_ = variant.optimize == OPTIMIZE_FUSE && options_.optimize == CHOOSE_BY_RULE;
}

void ScriptModel::choose(int64_t n, int64_t c, int64_t h, int64_t w)
{
    if (options_.optimize != CHOOSE_BY_MEASURING && options_.memory_format != CHOOSE_BY_MEASURING)
        return build_by_rule();

    std::string reason;
    const Variant by_rule = rule(reason);
    std::vector<Variant> candidates;
    for (Optimize optimize : { OPTIMIZE_NONE, OPTIMIZE_FREEZE, OPTIMIZE_INFERENCE, OPTIMIZE_FUSE }) {
        for (Layout layout : { LAYOUT_CONTIGUOUS, LAYOUT_CHANNELS_LAST }) {
            const auto fits = [](int option, int value, int default_value) {
                return option == value || option == CHOOSE_BY_MEASURING ||
                       (option == CHOOSE_BY_RULE && value == default_value);
            };
            if (fits(options_.optimize, optimize, by_rule.optimize) &&
                fits(options_.memory_format, layout, by_rule.layout) &&
                (optimize != OPTIMIZE_FUSE || anatomy_.nb_fusable || options_.optimize == optimize))
                candidates.push_back({ optimize, layout });
        }
    }

    double  best_time = HUGE_VAL;
    Variant best      = candidates[0];
    for (Variant candidate : candidates) {
        build(candidate);
        // what can be fused may still not run with this CPU and precision
        if (candidate.optimize == OPTIMIZE_FUSE && options_.optimize != OPTIMIZE_FUSE &&
            !Model::accepts(c, h, w))
            continue;
        const double time = measure(make_input(n, c, h, w, device_).zero_());
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

bool ScriptModel::accepts(int64_t c, int64_t h, int64_t w)
{
    build({ OPTIMIZE_NONE, LAYOUT_CONTIGUOUS });
    return Model::accepts(c, h, w);
}

void ScriptModel::forget()
{
    if (anatomy_.has_memory)
        build(variant_);
}

std::vector<at::Tensor> ScriptModel::run(const at::Tensor &input)
{
    if (!untried_)
        return execute(input);
    // it is prepare() that gets here first, and alone
    untried_ = false;
    try {
        return execute(input);
    } catch (const std::exception &) {
        // oneDNN may not have this precision for this CPU, or such tensors
        anatomy_.nb_fusable = 0;
        build_by_rule();
        return execute(input);
    }
}

std::vector<at::Tensor> ScriptModel::execute(const at::Tensor &input)
{
    // the profiling executor would recompile, and change bits, in mid-stream
    const torch::jit::GraphOptimizerEnabledGuard no_profiling(false);
    std::vector<at::Tensor> tensors;

    collect_tensors(running_.forward({ input }), tensors);
    return tensors;
}

} // namespace

std::unique_ptr<Model> load_script(const ModelOptions &options)
{
    return std::make_unique<ScriptModel>(options);
}

} // namespace fftorch
