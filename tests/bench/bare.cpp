// SPDX-License-Identifier: LGPL-2.1-or-later
// The bare loop: forward() on a ready tensor and nothing else, the limit for
// any pipeline around the same network at the same settings.
//
// bare loop NET.pt CHANNELS HEIGHT WIDTH RUNS WORKERS THREADS fp32|bf16
//     prints runs/s of so many loops side by side, prepared as by default.
// bare variants NET.pt CHANNELS HEIGHT WIDTH SECONDS fp32|bf16
//     prints for each variant, and first for the one by the rule, its name and
//     the milliseconds of CPU time of a run with one thread.
// bare device DEVICE NET.pt CHANNELS HEIGHT WIDTH RUNS BATCH fp32|fp16|bf16
//     prints frames/s of a loop over batches on another device, prepared as by
//     default; waits for the device at the end only.
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
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>

#include "torch/graph.h"
#include "torch/allocator.h"

namespace {

using clock_type = std::chrono::steady_clock;

struct Case {
    torch::jit::Module loaded;
    fftorch::Anatomy   anatomy;
    at::ScalarType     precision;
    fftorch::Variant   by_rule;
    std::vector<int64_t> shape;

    Case(char **argv, const char *precision)
        : loaded(load(argv[2])), anatomy(loaded),
          precision(std::string(precision) == "bf16" ? at::kBFloat16 : at::kFloat),
          by_rule(rule(anatomy, this->precision)),
          shape{ 1, std::atoi(argv[3]), std::atoi(argv[4]), std::atoi(argv[5]) }
    {
    }

    static torch::jit::Module load(const char *path)
    {
        torch::jit::Module module = torch::jit::load(path);
        module.eval();
        return module;
    }

    static fftorch::Variant rule(const fftorch::Anatomy &anatomy, at::ScalarType precision)
    {
        std::string reason;
        return fftorch::choose_by_rule(anatomy, precision, reason);
    }

    torch::jit::Module make(fftorch::Variant variant) const
    {
        return fftorch::make_variant(loaded, anatomy, variant, precision);
    }

    /** Not every network has what can be fused. */
    bool can_be(fftorch::Variant variant) const
    {
        try {
            make(variant).forward({ input(variant) });
            return true;
        } catch (const std::exception &) {
            return false;
        }
    }

    at::Tensor input(fftorch::Variant variant) const
    {
        return at::rand(shape).to(precision).contiguous(
            variant.layout == fftorch::LAYOUT_CHANNELS_LAST ? at::MemoryFormat::ChannelsLast
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

void loop(const Case &c, int runs, int workers, int threads)
{
    const torch::jit::Module net = [&] { InThread in(threads); return c.make(c.by_rule); }();
    std::atomic<int> ready{ 0 }, left{ runs };
    std::atomic<bool> go{ false };
    std::vector<std::thread> loops;

    for (int i = 0; i < workers; i++)
        loops.emplace_back([&] {
            const InThread in(threads);
            torch::jit::Module mine = net;
            const at::Tensor input = c.input(c.by_rule);

            for (int n = 0; n < 3; n++)
                mine.forward({ input });
            ready++;
            while (!go)
                std::this_thread::sleep_for(std::chrono::microseconds(100));
            while (left-- > 0)
                mine.forward({ input });
        });
    while (ready < workers)
        std::this_thread::sleep_for(std::chrono::microseconds(100));

    const double cpu = cpu_seconds();
    const auto start = clock_type::now();
    go = true;
    for (std::thread &thread : loops)
        thread.join();
    const double seconds = std::chrono::duration<double>(clock_type::now() - start).count();
    std::printf("%.3f\n", runs / seconds);
    std::fprintf(stderr, "%.3f ms of CPU time a run\n", (cpu_seconds() - cpu) * 1e3 / runs);
}

void variants(const Case &c, double seconds)
{
    const InThread in(1);
    std::vector<fftorch::Variant> all;
    std::vector<torch::jit::Module> nets;
    std::vector<at::Tensor> inputs;
    std::vector<std::vector<double>> times;

    for (fftorch::Optimize optimize : { fftorch::OPTIMIZE_NONE, fftorch::OPTIMIZE_FREEZE,
                                        fftorch::OPTIMIZE_INFERENCE, fftorch::OPTIMIZE_FUSE })
        for (fftorch::Layout layout : { fftorch::LAYOUT_CONTIGUOUS, fftorch::LAYOUT_CHANNELS_LAST })
            if (c.can_be({ optimize, layout }))
                all.push_back({ optimize, layout });
    for (fftorch::Variant variant : all) {
        nets.push_back(c.make(variant));
        inputs.push_back(c.input(variant));
        for (int i = 0; i < 2; i++)
            nets.back().forward({ inputs.back() });
    }

    times.resize(all.size());
    const double end = cpu_seconds() + seconds;
    do {
        for (size_t i = 0; i < all.size(); i++) {
            const double start = cpu_seconds();
            nets[i].forward({ inputs[i] });
            times[i].push_back((cpu_seconds() - start) * 1e3);
        }
    } while (cpu_seconds() < end || times[0].size() < 3);

    std::printf("rule\t%s\n", c.by_rule.name().c_str());
    for (size_t i = 0; i < all.size(); i++) {
        std::nth_element(times[i].begin(), times[i].begin() + times[i].size() / 2, times[i].end());
        std::printf("%s\t%.3f\n", all[i].name().c_str(), times[i][times[i].size() / 2]);
    }
}

/** argv as on the command line, see above. */
void device_loop(char **argv)
{
    const c10::Device device(argv[2]);
    const std::string name = argv[9];
    const at::ScalarType precision = name == "fp16" ? at::kHalf : name == "bf16" ? at::kBFloat16 : at::kFloat;
    const int runs = std::atoi(argv[7]), batch = std::atoi(argv[8]);
    std::string reason;

    torch::jit::Module loaded = torch::jit::load(argv[3], device);
    loaded.eval();
    const fftorch::Anatomy anatomy(loaded);
    const fftorch::Variant variant = fftorch::choose_for_device(precision, reason);
    torch::jit::Module net = fftorch::make_variant(loaded, anatomy, variant, precision);

    const c10::InferenceMode inference_mode;
    const torch::jit::GraphOptimizerEnabledGuard no_profiling(false);
    // smooth, as pictures are: with noise some devices need more power, and are slower
    const int width = std::atoi(argv[6]);
    const at::Tensor input = at::linspace(0, 1, width)
        .expand({ batch, std::atoi(argv[4]), std::atoi(argv[5]), width })
        .to(device, precision)
        .contiguous(variant.layout == fftorch::LAYOUT_CHANNELS_LAST ? at::MemoryFormat::ChannelsLast
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
    } else if (what == "loop" && argc == 10) {
        loop(Case(argv, argv[9]), std::atoi(argv[6]), std::atoi(argv[7]), std::atoi(argv[8]));
    } else if (what == "device" && argc == 10) {
        device_loop(argv);
    } else if (what == "variants" && argc == 8) {
        variants(Case(argv, argv[7]), std::atof(argv[6]));
    } else {
        std::fprintf(stderr, "usage: see the beginning of tests/bench/bare.cpp\n");
        return 2;
    }
}
