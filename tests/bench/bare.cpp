// SPDX-License-Identifier: LGPL-2.1-or-later
// The bare loop: forward() on a ready tensor and nothing else, the limit for
// any pipeline around the same network at the same settings.
//
// bare forms NET.pt CHANNELS HEIGHT WIDTH SECONDS fp32|bf16
//     prints for each form that runs its name and the milliseconds of CPU time of
//     a run with one thread.
// bare search NET.pt CHANNELS HEIGHT WIDTH SECONDS fp32|bf16
//     the same, then runs/s of the fastest of them with all cores for one loop and
//     with a loop for each; a line is FORM:workers=N:threads=N and its runs/s.
// bare loop NET.pt CHANNELS HEIGHT WIDTH RUNS WORKERS THREADS fp32|bf16 FORM
//     prints runs/s of so many loops side by side, in one of these forms. With
//     RUNS 0 it prints lines frame=N until it is killed.
// bare device DEVICE NET.pt CHANNELS HEIGHT WIDTH RUNS BATCH fp32|fp16|bf16
//     prints frames/s of a loop over batches on another device, in the form that
//     is tried first by default; waits for the device at the end only.
// bare version
//     prints the version of LibTorch.

#include <torch/script.h>
#include <torch/version.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>

#include "torch/graph.h"
#include "torch/allocator.h"

namespace {

using clock_type = std::chrono::steady_clock;

const char *const optimize_names[] = { "none", "freeze", "inference", "fuse" };
const char *const layout_names[]   = { "contiguous", "channels_last" };

/** As the options that set it. */
std::string name(const fftorch::Form &form)
{
    return std::string("optimize=") + optimize_names[form.optimize] +
           ":memory_format=" + layout_names[form.layout];
}

std::vector<fftorch::Form> all_forms(at::ScalarType precision)
{
    std::vector<fftorch::Form> all;

    for (fftorch::Optimize optimize : { fftorch::OPTIMIZE_NONE, fftorch::OPTIMIZE_FREEZE,
                                        fftorch::OPTIMIZE_INFERENCE, fftorch::OPTIMIZE_FUSE })
        for (fftorch::Layout layout : { fftorch::LAYOUT_CONTIGUOUS, fftorch::LAYOUT_CHANNELS_LAST })
            all.push_back({ optimize, layout, precision, false });
    return all;
}

torch::jit::Module load(const char *path, c10::Device device = at::kCPU)
{
    torch::jit::Module module = torch::jit::load(path, device);
    module.eval();
    return module;
}

struct Case {
    fftorch::Source      source;
    at::ScalarType       precision;
    std::vector<int64_t> shape;

    Case(char **argv, const char *precision)
        : source(load(argv[2])),
          precision(std::string(precision) == "bf16" ? at::kBFloat16 : at::kFloat),
          shape{ 1, std::atoi(argv[3]), std::atoi(argv[4]), std::atoi(argv[5]) }
    {
    }

    fftorch::Form form(const std::string &wanted) const
    {
        for (const fftorch::Form &form : all_forms(precision))
            if (name(form) == wanted)
                return form;
        throw std::invalid_argument("there is no form " + wanted);
    }

    at::Tensor input(const fftorch::Form &form) const
    {
        return at::rand(shape).to(precision).contiguous(
            form.layout == fftorch::LAYOUT_CHANNELS_LAST ? at::MemoryFormat::ChannelsLast
                                                         : at::MemoryFormat::Contiguous);
    }
};

/** What a thread has to set to run a network the way the backend does. */
struct InThread {
    c10::InferenceMode  inference_mode;
    fftorch::KeepMemory keep_memory{ true };
    torch::jit::GraphOptimizerEnabledGuard no_profiling{ false };

    explicit InThread(int threads) { at::set_num_threads(threads); }
};

double cpu_seconds()
{
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

/**
 * Loops side by side. @param runs 0: until they took so many seconds; -1: for ever,
 * with lines on the standard output. @return runs/s
 */
double loop(const Case &c, const fftorch::Form &form, int runs, double seconds, int workers, int threads)
{
    const torch::jit::Module net = [&] { InThread in(threads); return c.source.make(form); }();
    std::atomic<int> ready{ 0 }, begun{ 0 }, done{ 0 };
    std::atomic<bool> go{ false }, stop{ false };
    std::vector<std::thread> loops;

    for (int i = 0; i < workers; i++)
        loops.emplace_back([&] {
            const InThread in(threads);
            torch::jit::Module mine = net;
            const at::Tensor input = c.input(form);

            for (int n = 0; n < 3; n++)
                mine.forward({ input });
            ready++;
            while (!go)
                std::this_thread::sleep_for(std::chrono::microseconds(100));
            while (!stop && (runs <= 0 || begun++ < runs)) {
                mine.forward({ input });
                done++;
            }
        });
    while (ready < workers)
        std::this_thread::sleep_for(std::chrono::microseconds(100));

    const auto start = clock_type::now();
    go = true;
    while (runs < 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        std::printf("frame=%d\n", done.load());
        std::fflush(stdout);
    }
    if (!runs) {
        std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
        stop = true;
    }
    for (std::thread &thread : loops)
        thread.join();
    return done / std::chrono::duration<double>(clock_type::now() - start).count();
}

struct Timed {
    fftorch::Form form;
    double ms; ///< of CPU time, of a run
};

std::vector<Timed> forms(const Case &c, double seconds)
{
    const InThread in(1);
    std::vector<Timed> all;
    std::vector<torch::jit::Module> nets;
    std::vector<at::Tensor> inputs;
    std::vector<std::vector<double>> times;

    for (const fftorch::Form &form : all_forms(c.precision)) {
        // not every network has what can be fused, or runs in bfloat16
        try {
            torch::jit::Module net = c.source.make(form);
            const at::Tensor input = c.input(form);
            for (int i = 0; i < 2; i++)
                net.forward({ input });
            all.push_back({ form, 0 });
            nets.push_back(net);
            inputs.push_back(input);
        } catch (const std::exception &) {
        }
    }
    if (all.empty())
        throw std::runtime_error("it runs in no form");

    times.resize(all.size());
    const double end = cpu_seconds() + seconds;
    do {
        for (size_t i = 0; i < all.size(); i++) {
            const double start = cpu_seconds();
            nets[i].forward({ inputs[i] });
            times[i].push_back((cpu_seconds() - start) * 1e3);
        }
    } while (cpu_seconds() < end || times[0].size() < 3);

    for (size_t i = 0; i < all.size(); i++) {
        std::nth_element(times[i].begin(), times[i].begin() + times[i].size() / 2, times[i].end());
        all[i].ms = times[i][times[i].size() / 2];
        std::printf("%s\t%.3f\n", name(all[i].form).c_str(), all[i].ms);
    }
    return all;
}

void search(const Case &c, double seconds)
{
    constexpr double near = 1.3;
    const int cores = std::max(1u, std::thread::hardware_concurrency());
    const std::set<int> all_workers = { 1, std::min(cores, 4) }; // 4: as the backend has by itself
    std::vector<Timed> all = forms(c, seconds);

    std::sort(all.begin(), all.end(), [](const Timed &a, const Timed &b) { return a.ms < b.ms; });
    for (const Timed &timed : all) {
        if (timed.ms > near * all[0].ms)
            break;
        for (int workers : all_workers)
            std::printf("%s:workers=%d:threads=%d\t%.3f\n", name(timed.form).c_str(), workers, cores / workers,
                        loop(c, timed.form, 0, seconds / 3, workers, cores / workers));
    }
}

/** argv as on the command line, see above. */
void device_loop(char **argv)
{
    const c10::Device device(argv[2]);
    const std::string name = argv[9];
    const at::ScalarType precision = name == "fp16" ? at::kHalf : name == "bf16" ? at::kBFloat16 : at::kFloat;
    const int runs = std::atoi(argv[7]), batch = std::atoi(argv[8]);
    const fftorch::Form form = { fftorch::OPTIMIZE_FREEZE,
                                 precision == at::kFloat && !device.is_cpu()
                                     ? fftorch::LAYOUT_CONTIGUOUS : fftorch::LAYOUT_CHANNELS_LAST,
                                 precision, false };
    torch::jit::Module net = fftorch::Source(load(argv[3], device)).make(form);

    const c10::InferenceMode inference_mode;
    const torch::jit::GraphOptimizerEnabledGuard no_profiling(false);
    // smooth, as pictures are: with noise some devices need more power, and are slower
    const int width = std::atoi(argv[6]);
    const at::Tensor input = at::linspace(0, 1, width)
        .expand({ batch, std::atoi(argv[4]), std::atoi(argv[5]), width })
        .to(device, precision)
        .contiguous(form.layout == fftorch::LAYOUT_CHANNELS_LAST ? at::MemoryFormat::ChannelsLast
                                                                 : at::MemoryFormat::Contiguous);
    const auto synchronize = [&] {
        if (!device.is_cpu())
            c10::impl::VirtualGuardImpl(device.type()).getStream(device).synchronize();
    };

    // a device at rest has a lower clock
    const auto begun = clock_type::now();
    do {
        for (int n = 0; n < 5; n++)
            net.forward({ input });
        synchronize();
    } while (!device.is_cpu() && clock_type::now() - begun < std::chrono::milliseconds(500));

    const auto start = clock_type::now();
    for (int n = 0; n < runs; n++)
        net.forward({ input });
    synchronize();
    const double seconds = std::chrono::duration<double>(clock_type::now() - start).count();
    std::printf("%.3f\n", runs * batch / seconds);
}

} // namespace

int main(int argc, char **argv)
{
    const std::string what = argc > 1 ? argv[1] : "";

    if (what == "version") {
        std::printf("%d.%d.%d\n", TORCH_VERSION_MAJOR, TORCH_VERSION_MINOR, TORCH_VERSION_PATCH);
    } else if (what == "loop" && argc == 11) {
        const Case c(argv, argv[9]);
        const int runs = std::atoi(argv[6]);
        std::printf("%.3f\n", loop(c, c.form(argv[10]), runs ? runs : -1, 0, std::atoi(argv[7]), std::atoi(argv[8])));
    } else if (what == "device" && argc == 10) {
        device_loop(argv);
    } else if (what == "forms" && argc == 8) {
        forms(Case(argv, argv[7]), std::atof(argv[6]));
    } else if (what == "search" && argc == 8) {
        search(Case(argv, argv[7]), std::atof(argv[6]));
    } else {
        std::fprintf(stderr, "usage: see the beginning of tests/bench/bare.cpp\n");
        return 2;
    }
}
