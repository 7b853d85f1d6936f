// SPDX-License-Identifier: LGPL-2.1-or-later
// load NET.pt THREADS RUNS CHANNELS HEIGHT WIDTH
// Loads a network, runs it in so many threads and prints the peak of memory in KiB:
// what no program around the same network can be below.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <torch/script.h>

int main(int argc, char **argv)
{
    torch::jit::Module net = torch::jit::load(argv[1]);
    std::vector<std::thread> threads;

    net.eval();
    for (int i = 0; i < std::atoi(argv[2]); i++)
        threads.emplace_back([&] {
            const c10::InferenceMode inference;
            torch::jit::Module mine = net;
            at::set_num_threads(1);
            for (int n = 0; n < std::atoi(argv[3]); n++)
                mine.forward({ at::rand({ 1, std::atoi(argv[4]), std::atoi(argv[5]), std::atoi(argv[6]) }) });
        });
    for (std::thread &thread : threads)
        thread.join();

    char line[256];
    std::FILE *status = std::fopen("/proc/self/status", "r");
    while (std::fgets(line, sizeof(line), status))
        if (!std::strncmp(line, "VmHWM:", 6))
            std::printf("%ld\n", std::atol(line + 6));
}
