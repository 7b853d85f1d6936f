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
 * A network in a TorchScript file: loading, preparing and running it.
 *
 * Everything here may throw; describe_exception() tells what was thrown.
 */

#ifndef AVFILTER_DNN_DNN_TORCH_MODEL_H
#define AVFILTER_DNN_DNN_TORCH_MODEL_H

#include <string>

#include <torch/script.h>

#include "dnn_torch_graph.h"

namespace fftorch {

/** What went wrong, for a log line and for the caller of a callback. */
struct Failure {
    int         code;   ///< an AVERROR code
    std::string reason; ///< one line
};

/** To be called in a catch block: the exception that is being handled. */
Failure describe_exception() noexcept;

struct ModelOptions {
    std::string    path;
    std::string    device;        ///< as LibTorch names it: "cpu", "cuda:1"
    at::ScalarType precision;     ///< of weights and activations
    int            optimize;      ///< an Optimize, or one of the Choose
    int            memory_format; ///< a Layout, or one of the Choose
    bool           keep_memory;   ///< from run to run, instead of freeing it
    bool           nhwc;          ///< its tensors are [N, H, W, C]
};

class Model {
public:
    /** Load the file, and check the device. */
    explicit Model(const ModelOptions &options);
    ~Model();

    /**
     * Set what LibTorch keeps per thread. For each thread that calls
     * prepare() or forward(), before it does.
     *
     * @param threads intra-op threads to use from it
     */
    static void enter_thread(int threads);

    /**
     * Get ready for batches [n, c, h, w]: choose how to run the network if it
     * is the first call, then run it once. No forward() may be running.
     *
     * @return what forward() returned
     */
    at::Tensor prepare(int64_t n, int64_t c, int64_t h, int64_t w);

    /**
     * @return tensor [N, C, H, W] of the precision in memory of the CPU, not
     *         filled, for forward(); C counts the channels of all frames
     */
    at::Tensor make_input(int64_t n, int64_t c, int64_t h, int64_t w) const;

    /**
     * Run the network. May be called by several threads at a time.
     *
     * @param input [N, C, H, W], as make_input() gave it
     * @return tensor [N, C', H', W'] of floating-point numbers in memory of the
     *         CPU with any strides, which may share memory with the input
     */
    at::Tensor forward(const at::Tensor &input);

    /** Before prepare(): its input is [N, frames, C, H, W]. */
    void set_window(int frames) { frames_ = frames; }

    /** Before prepare(). @return whether it runs with an input [1, c, h, w] */
    bool accepts(int64_t c, int64_t h, int64_t w);

    /** @return how many channels it takes, 0 if that does not show in its graph */
    int64_t channels() const { return anatomy_.channels; }

    /** @return whether its runs must be one at a time and in order */
    bool has_memory() const { return anatomy_.has_memory; }

    /** @return how it runs and why, for the log; empty before prepare() */
    const std::string &description() const { return description_; }

private:
    void choose(int64_t n, int64_t c, int64_t h, int64_t w);
    void build(Variant variant);
    double measure(const at::Tensor &input);
    at::Tensor arranged(const at::Tensor &input) const;

    ModelOptions       options_;
    int                frames_ = 0; ///< of a window with a dimension of its own
    c10::Device        device_;
    torch::jit::Module loaded_;   ///< as it is in the file
    Anatomy            anatomy_;
    torch::jit::Module running_;  ///< as it runs
    Variant            variant_;
    std::string        description_;
};

} // namespace fftorch

#endif /* AVFILTER_DNN_DNN_TORCH_MODEL_H */
