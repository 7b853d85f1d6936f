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
 * Networks in TorchScript files: finding the form that they run in.
 */

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <mutex>
#include <stdexcept>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/runtime/print_handler.h>
#include <torch/script.h>
#include <torch/version.h>

#include "allocator.h"
#include "contents.h"
#include "error.h"
#include "graph.h"
#include "network.h"
#include "proof.h"

extern "C" {
#include "libavutil/log.h"
}

namespace fftorch {
namespace {

using Outputs = std::vector<at::Tensor>;
using Clock   = std::chrono::steady_clock;

/**
 * Networks with more bytes than that have forms that share the weights with the
 * network as loaded, so that they are in memory once.
 */
constexpr size_t large = 64 << 20;

/** Sides of the pictures that forms are compared on, at most: small ones cost less time. */
constexpr int64_t trial_side = 192;

/** A form replaces one that is tried before it if it takes less of its time than that. */
constexpr double margin = 0.92;

double seconds_since(Clock::time_point start)
{
    return std::chrono::duration<double>(Clock::now() - start).count();
}

/**
 * @return a time in seconds, for differences: the thread's CPU time where one
 *         thread computes, which other programs disturb less
 */
double time_now(c10::Device device)
{
#ifdef CLOCK_THREAD_CPUTIME_ID
    struct timespec time;
    if (device.is_cpu() && at::get_num_threads() == 1 &&
        !clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time))
        return time.tv_sec + time.tv_nsec * 1e-9;
#endif
    return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

/** While one exists, operations of its thread that can compute in a precision do. */
class Autocast {
public:
    Autocast(bool enabled, at::ScalarType precision) : enabled_(enabled)
    {
        if (enabled)
            set(true, precision);
    }
    ~Autocast()
    {
        if (enabled_)
            set(false, at::kBFloat16);
    }
    Autocast(const Autocast &) = delete;
    Autocast &operator=(const Autocast &) = delete;

private:
    static void set(bool enabled, at::ScalarType precision)
    {
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
        at::autocast::set_autocast_dtype(at::kCPU, precision);
        at::autocast::set_autocast_enabled(at::kCPU, enabled);
#else
        at::autocast::set_autocast_cpu_dtype(precision);
        at::autocast::set_cpu_enabled(enabled);
#endif
    }

    bool enabled_;
};

/** The random numbers that networks on the CPU draw; those of devices are not looked at. */
class Random {
public:
    static at::Tensor state()
    {
        at::Generator generator = at::detail::getDefaultCPUGenerator();
        const std::lock_guard<std::mutex> lock(generator.mutex());
        return generator.get_state();
    }

    /** Begin anew, as a process does. */
    static void restart()
    {
        at::Generator generator = at::detail::getDefaultCPUGenerator();
        const std::lock_guard<std::mutex> lock(generator.mutex());
        generator.set_current_seed(c10::default_rng_seed_val);
    }
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

/**
 * Load a file as it is, but for weights of 16 bits, which are made floats, and
 * networks of nothing but doubles, too.
 */
torch::jit::Module load_module(const std::string &path, c10::Device device)
{
    redirect_print();

    torch::jit::Module module = torch::jit::load(path, device);
    const at::ScalarType type = main_type(module);

    module.eval();
    return type == at::kFloat ? module : convert_contents(module, type, at::kFloat);
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

/** A form that can be run. */
struct Candidate {
    Form               form;
    torch::jit::Module module;
    double             seconds; ///< of its fastest run so far
};

class ScriptNetwork : public Network {
public:
    explicit ScriptNetwork(const NetworkOptions &options);

    bool accepts(int64_t c, int64_t h, int64_t w) override;

private:
    /** Pictures [1, C, H, W] in turn, and what the network as loaded makes of them. */
    struct Reference {
        int64_t c, h, w;
        std::vector<Outputs> outputs;
        double seconds; ///< of the fastest of its runs
    };

    void choose(int64_t c, int64_t h, int64_t w) override;
    void settle() override;
    void forget() override;
    int64_t guess_channels() const override { return source_.first_channels(); }
    std::vector<at::Tensor> run(const at::Tensor &input) override;

    void use(const Candidate &candidate);
    void load_anew();
    std::vector<Outputs> run_all(const Reference &reference, double &seconds);
    Reference run_reference(int64_t c, int64_t h, int64_t w);
    Reference run_as_loaded(int64_t c, int64_t h, int64_t w);
    Reference run_as_loaded_small(int64_t c, int64_t h, int64_t w);
    std::vector<Form> forms(at::ScalarType precision) const;
    std::string try_form(const Reference &reference, Candidate &candidate);
    bool is_faster(const Reference &reference, Candidate &challenger, Candidate &champion);
    bool choose_among(const Reference &reference, const std::vector<Form> &forms);
    void choose_form(const Reference &reference);
    void compare_with_fp32(const Reference &reference);

    Source               source_;
    uint64_t             fingerprint_;    ///< of source_.loaded, untouched
    Candidate            chosen_;         ///< what runs
    std::string          left_;           ///< the last form that was left, and why
    std::vector<int64_t> proven_;         ///< C, H, W that chosen_ was last proven for
    Clock::time_point    began_;          ///< to choose
    bool                 told_ = false;   ///< that it takes long
};

Form as_loaded() { return { OPTIMIZE_NONE, LAYOUT_CONTIGUOUS, at::kFloat, false }; }

ScriptNetwork::ScriptNetwork(const NetworkOptions &options)
    : Network(options), source_(load_module(options.path, options.device)),
      fingerprint_(fingerprint(source_.loaded)), chosen_{ as_loaded(), source_.loaded, HUGE_VAL }
{
}

/** Let forward() and forward_all() run a form. */
void ScriptNetwork::use(const Candidate &candidate)
{
    chosen_       = candidate;
    input_type_   = candidate.form.mixed ? at::kFloat : candidate.form.precision;
    input_format_ = candidate.form.layout == LAYOUT_CHANNELS_LAST ? at::MemoryFormat::ChannelsLast
                                                                  : at::MemoryFormat::Contiguous;
}

/** For a network with state: as if it had never run. */
void ScriptNetwork::load_anew()
{
    source_ = Source(load_module(options_.path, options_.device));
}

/** After runs as loaded: have they changed what the network holds? */
void ScriptNetwork::settle()
{
    stateful_ = stateful_ || fingerprint(source_.loaded) != fingerprint_;
    if (stateful_)
        load_anew();
}

bool ScriptNetwork::accepts(int64_t c, int64_t h, int64_t w)
{
    const at::Tensor random = Random::state();

    use({ as_loaded(), source_.loaded, HUGE_VAL });
    const bool accepted = Network::accepts(c, h, w);
    random_ = random_ || !random.equal(Random::state());
    return accepted;
}

/** Run what use() was told on the pictures of a size. @param seconds of the fastest run */
std::vector<Outputs> ScriptNetwork::run_all(const Reference &size, double &seconds)
{
    // one with state shows in later runs what it remembers of the first
    const int nb_pictures = stateful_ ? 3 : 1;
    std::vector<Outputs> all;

    if (random_)
        Random::restart();
    for (int i = 0; i < nb_pictures; i++) {
        const at::Tensor input = make_picture(1, size.c, size.h, size.w, i);
        const double start = time_now(device_);
        Outputs outputs = forward_all(input);

        seconds = std::min(seconds, time_now(device_) - start);
        // they may be the network's own memory
        if (stateful_)
            for (at::Tensor &output : outputs)
                output = output.clone();
        all.push_back(std::move(outputs));
    }
    if (random_)
        Random::restart();
    return all;
}

/** What a network does for the first time changes how it has to be run: then it runs again. */
ScriptNetwork::Reference ScriptNetwork::run_reference(int64_t c, int64_t h, int64_t w)
{
    Reference reference{ c, h, w, {}, HUGE_VAL };
    bool knew;

    do {
        const at::Tensor random = Random::state();
        const bool stateful = stateful_, drawing = random_;

        use({ as_loaded(), source_.loaded, HUGE_VAL });
        reference.outputs = run_all(reference, reference.seconds);
        random_ = random_ || !random.equal(Random::state());
        if (proven_.empty() || stateful_)
            settle();
        knew = stateful == stateful_ && drawing == random_;
    } while (!knew);
    return reference;
}

/** The same, with a black picture if the network fails on others. */
ScriptNetwork::Reference ScriptNetwork::run_as_loaded(int64_t c, int64_t h, int64_t w)
{
    // LibTorch 1.13's integer convolutions run with the size of their first run only
    for (bool again : { false, true }) {
        try {
            return run_reference(c, h, w);
        } catch (const std::bad_alloc &) {
            throw;
        } catch (const std::exception &) {
            settle();
            if (again && flat_)
                throw;
            if (!again)
                load_anew();
        }
    }
    flat_ = true;
    try {
        return run_reference(c, h, w);
    } catch (...) {
        flat_ = false;
        throw;
    }
}

/** The same for a picture that is small, if the network runs with it. */
ScriptNetwork::Reference ScriptNetwork::run_as_loaded_small(int64_t c, int64_t h, int64_t w)
{
    if (h > trial_side || w > trial_side) {
        try {
            return run_as_loaded(c, std::min(h, trial_side), std::min(w, trial_side));
        } catch (const std::bad_alloc &) {
            throw;
        } catch (const std::exception &) {
            // it takes a certain size, or a multiple of something else
            settle();
        }
    }
    return run_as_loaded(c, h, w);
}

/**
 * @return the forms to try, those that are the fastest for most networks first:
 *         of two that are about as fast the first one runs, in every run
 */
std::vector<Form> ScriptNetwork::forms(at::ScalarType precision) const
{
    const bool is_large  = contents_size(source_.loaded) > large;
    const bool by_hand   = options_.optimize >= 0 && options_.memory_format >= 0;
    const bool reduced   = precision != at::kFloat;
    std::vector<Form> all, fit;

    // oneDNN's part of LibTorch is for the CPU
    if (device_.is_cpu() && (source_.can_fuse() || options_.optimize == OPTIMIZE_FUSE)) {
        all.push_back({ OPTIMIZE_FUSE, LAYOUT_CHANNELS_LAST, precision, false });
        if (options_.optimize == OPTIMIZE_FUSE)
            all.push_back({ OPTIMIZE_FUSE, LAYOUT_CONTIGUOUS, precision, false });
    }
    // only fp32 convolutions are optimized, others stay as slow as they are
    if ((device_.is_cpu() && !reduced) || options_.optimize == OPTIMIZE_INFERENCE) {
        all.push_back({ OPTIMIZE_INFERENCE, LAYOUT_CONTIGUOUS, precision, false });
        all.push_back({ OPTIMIZE_INFERENCE, LAYOUT_CHANNELS_LAST, precision, false });
    }
    const bool planes_first = !device_.is_cpu() && !reduced;
    const Layout first = planes_first ? LAYOUT_CONTIGUOUS : LAYOUT_CHANNELS_LAST;
    const Layout other = planes_first ? LAYOUT_CHANNELS_LAST : LAYOUT_CONTIGUOUS;
    for (bool mixed : { false, true }) {
        if (mixed && !(reduced && device_.is_cpu()))
            break;
        all.push_back({ OPTIMIZE_FREEZE, first, precision, mixed });
        all.push_back({ OPTIMIZE_FREEZE, other, precision, mixed });
        if (reduced || options_.optimize == OPTIMIZE_NONE)
            all.push_back({ OPTIMIZE_NONE, LAYOUT_CONTIGUOUS, precision, mixed });
        if (options_.optimize == OPTIMIZE_NONE)
            all.push_back({ OPTIMIZE_NONE, LAYOUT_CHANNELS_LAST, precision, mixed });
    }
    for (const Form &form : all)
        if ((options_.optimize < 0 || options_.optimize == form.optimize) &&
            (options_.memory_format < 0 || options_.memory_format == form.layout) &&
            (by_hand || !is_large || !source_.copies_weights(form)))
            fit.push_back(form);
    return fit;
}

/** Make a form and compare it with the reference. @return why it cannot be, empty: it can */
std::string ScriptNetwork::try_form(const Reference &reference, Candidate &candidate)
{
    try {
        // what other forms needed, and kept, would be on top of what this one needs
        if (options_.keep_memory)
            release_kept_memory();
        release_free_memory();
        if (stateful_)
            load_anew();
        candidate.module = source_.make(candidate.form);
        use(candidate);
        const std::vector<Outputs> outputs = run_all(reference, candidate.seconds);
        double worst = 0;
        for (size_t i = 0; i < outputs.size(); i++)
            worst = std::max(worst, apart(reference.outputs[i], outputs[i],
                                          candidate.form.precision));
        if (worst <= 1)
            return {};
        return "it gives another picture";
    } catch (const std::bad_alloc &) {
        throw;
    } catch (const std::exception &) {
        return describe_exception().reason;
    }
}

/** Run two forms in turn. @return whether the challenger is the faster one, clearly */
bool ScriptNetwork::is_faster(const Reference &reference, Candidate &challenger, Candidate &champion)
{
    // a run this long tells enough, and hardly is twice as fast the second time
    constexpr double very_slow = 0.5, slow = 0.1, cold = 1.3, enough = 0.06;
    const Clock::time_point start = Clock::now();

    if (challenger.seconds > slow && challenger.seconds > cold * champion.seconds)
        return false;
    if (challenger.seconds > very_slow)
        return challenger.seconds < margin * champion.seconds;
    for (int i = 0; i < 8 && (!i || seconds_since(start) < enough); i++) {
        for (Candidate *candidate : { &challenger, &champion }) {
            if (candidate == &champion && champion.seconds > slow)
                continue;
            use(*candidate);
            run_all(reference, candidate->seconds);
        }
        if (i == 1 && challenger.seconds > cold * champion.seconds)
            return false;
    }
    return challenger.seconds < margin * champion.seconds;
}

/**
 * Choose the fastest of some forms that are right, or the network as loaded.
 *
 * @return whether it is one of them
 */
bool ScriptNetwork::choose_among(const Reference &reference, const std::vector<Form> &forms)
{
    Candidate champion{ as_loaded(), source_.loaded, reference.seconds };
    bool      found = false;

    for (const Form &form : forms) {
        Candidate challenger{ form, source_.loaded, HUGE_VAL };

        if (!told_ && seconds_since(began_) > 2) {
            told_ = true;
            av_log(options_.log_ctx, AV_LOG_INFO, "%s: trying how it runs fastest "
                   "(optimize and memory_format set that)\n", options_.path.c_str());
        }
        const std::string reason = try_form(reference, challenger);
        if (!reason.empty()) {
            left_ = form.name() + ": " + reason;
            av_log(options_.log_ctx, AV_LOG_VERBOSE, "%s: left %s for a simpler form: %s\n",
                   options_.path.c_str(), form.name().c_str(), reason.c_str());
        } else if (!found || is_faster(reference, challenger, champion)) {
            champion = std::move(challenger);
            found    = true;
        }
    }
    use(champion);
    return found;
}

/** Say so if the precision that was asked for, in its fastest form, brings nothing. */
void ScriptNetwork::compare_with_fp32(const Reference &reference)
{
    Candidate reduced = chosen_;
    Candidate full{ { OPTIMIZE_FREEZE, reduced.form.layout, at::kFloat, false },
                    source_.loaded, HUGE_VAL };

    if (try_form(reference, full).empty() && is_faster(reference, full, reduced))
        av_log(options_.log_ctx, AV_LOG_WARNING, "%s: %s is slower than fp32 here\n",
               options_.path.c_str(), toString(options_.precision));
    use(reduced);
}

void ScriptNetwork::choose_form(const Reference &reference)
{
    const bool reduced = options_.precision != at::kFloat;

    if (flat_) {
        av_log(options_.log_ctx, reduced ? AV_LOG_WARNING : AV_LOG_VERBOSE,
               "%s: it runs as loaded, in fp32, as it fails on the picture that forms are compared "
               "on\n", options_.path.c_str());
        return use({ as_loaded(), source_.loaded, HUGE_VAL });
    }
    if (choose_among(reference, forms(options_.precision))) {
        if (reduced && device_.is_cpu() && options_.optimize < 0)
            compare_with_fp32(reference);
    } else if (reduced) {
        bool in_bf16 = false;
        if (options_.precision == at::kHalf && device_.is_cpu())
            for (const Form &form : forms(at::kBFloat16)) {
                Candidate candidate{ form, source_.loaded, HUGE_VAL };
                in_bf16 = in_bf16 || try_form(reference, candidate).empty();
            }
        av_log(options_.log_ctx, AV_LOG_WARNING, "%s: it runs in fp32, as it cannot in %s: %s%s\n",
               options_.path.c_str(), toString(options_.precision), left_.c_str(),
               in_bf16 ? " (it can with precision=bf16)" : "");
        choose_among(reference, forms(at::kFloat));
    } else if (options_.optimize >= 0 || options_.memory_format >= 0) {
        av_log(options_.log_ctx, AV_LOG_WARNING, "%s: it runs as loaded, as it cannot as asked for: "
               "%s\n", options_.path.c_str(), left_.c_str());
    }

    Candidate plain{ as_loaded(), source_.loaded, reference.seconds };
    Candidate chosen = chosen_;
    if (chosen.form.precision == at::kFloat && options_.optimize < 0 && options_.memory_format < 0 &&
        is_faster(reference, plain, chosen))
        chosen = plain;
    use(chosen);
}

void ScriptNetwork::choose(int64_t c, int64_t h, int64_t w)
{
    const std::vector<int64_t> shape = { c, h, w };
    bool right = false;

    if (shape == proven_)
        return;
    began_ = Clock::now();
    if (proven_.empty()) {
        const Reference small = run_as_loaded_small(c, h, w);
        choose_form(small);
        right = small.h == h && small.w == w;
    }
    if (!right && chosen_.form.optimize != OPTIMIZE_NONE) {
        Candidate chosen = chosen_;
        const Reference reference = run_as_loaded(c, h, w);
        const std::string reason = try_form(reference, chosen);
        if (!reason.empty()) {
            av_log(options_.log_ctx, AV_LOG_VERBOSE, "%s: left %s for this size: %s\n",
                   options_.path.c_str(), chosen.form.name().c_str(), reason.c_str());
            choose_form(reference);
        } else if (flat_) {
            choose_form(reference);
        }
    }
    proven_ = shape;
    description_ = chosen_.form.name();
}

void ScriptNetwork::forget()
{
    if (stateful_) {
        load_anew();
        chosen_.module = source_.make(chosen_.form);
    }
    if (random_)
        Random::restart();
}

std::vector<at::Tensor> ScriptNetwork::run(const at::Tensor &input)
{
    // the profiling executor would recompile, and change bits, in mid-stream
    const torch::jit::GraphOptimizerEnabledGuard no_profiling(false);
    const Autocast autocast(chosen_.form.mixed, chosen_.form.precision);
    std::vector<at::Tensor> tensors;

    collect_tensors(chosen_.module.forward({ input }), tensors);
    return tensors;
}

} // namespace

std::unique_ptr<Network> load_script(const NetworkOptions &options)
{
    return std::make_unique<ScriptNetwork>(options);
}

} // namespace fftorch
