// SPDX-License-Identifier: LGPL-2.1-or-later
// The bare loop: forward() on a ready tensor and nothing else, the limit for
// any pipeline around the same network at the same settings.
//
// usage: bare NET.pt CHANNELS HEIGHT WIDTH RUNS OPTIMIZE LAYOUT KEEP BF16
// OPTIMIZE, LAYOUT and KEEP are the backend's options as numbers, -2 is its rule.

#include <torch/script.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "dnn_torch_graph.h"
#include "dnn_torch_memory.h"

int main(int argc, char **argv)
{
    if (argc != 10) {
        std::fprintf(stderr, "usage: bare NET.pt CHANNELS HEIGHT WIDTH RUNS OPTIMIZE LAYOUT KEEP BF16\n");
        return 2;
    }
    const auto number = [&](int i) { return std::atoi(argv[i]); };
    const at::ScalarType precision = number(9) ? at::kBFloat16 : at::kFloat;

    const c10::InferenceMode inference_mode;
    const fftorch::KeepMemory keep_memory(number(8));
    at::set_num_threads(std::thread::hardware_concurrency());
    torch::jit::setGraphExecutorOptimize(false);

    torch::jit::Module loaded = torch::jit::load(argv[1]);
    loaded.eval();

    std::string reason;
    const fftorch::Anatomy anatomy(loaded);
    fftorch::Variant variant = fftorch::choose_by_rule(anatomy, reason);
    if (number(6) >= 0)
        variant.optimize = static_cast<fftorch::Optimize>(number(6));
    if (number(7) >= 0)
        variant.layout = static_cast<fftorch::Layout>(number(7));
    torch::jit::Module net = fftorch::make_variant(loaded, anatomy, variant, precision);

    at::Tensor input = at::rand({ 1, number(2), number(3), number(4) }).to(precision);
    if (variant.layout == fftorch::LAYOUT_CHANNELS_LAST)
        input = input.contiguous(at::MemoryFormat::ChannelsLast);

    for (int i = 0; i < 3; i++)
        net.forward({ input });
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < number(5); i++)
        net.forward({ input });
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::printf("%.3f\n", number(5) / seconds);
}
