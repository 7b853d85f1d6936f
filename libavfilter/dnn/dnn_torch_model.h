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
 * A network in a file: loading, preparing and running it. There are two sorts
 * of files: TorchScript, which is prepared here (dnn_torch_script.cpp), and
 * packages that AOTInductor compiled (dnn_torch_package.cpp).
 *
 * Everything here may throw; describe_exception() tells what was thrown.
 */

#ifndef AVFILTER_DNN_DNN_TORCH_MODEL_H
#define AVFILTER_DNN_DNN_TORCH_MODEL_H

#include <memory>
#include <string>
#include <vector>

#include <ATen/ATen.h>

namespace fftorch {

/** What went wrong, for a log line and for the caller of a callback. */
struct Failure {
    int         code;   ///< an AVERROR code
    std::string reason; ///< one line
    bool device_memory = false; ///< a device has no more of it
};

/** To be called in a catch block: the exception that is being handled. */
Failure describe_exception() noexcept;

struct ModelOptions {
    std::string    path;
    c10::Device    device = c10::Device(c10::DeviceType::CPU);
    at::ScalarType precision;     ///< of weights and activations
    int            optimize;      ///< an Optimize, or one of the Choose
    int            memory_format; ///< a Layout, or one of the Choose
    bool           keep_memory;   ///< from run to run, instead of freeing it
    bool           nhwc;          ///< its tensors are [N, H, W, C]
    int            runners;       ///< runs that may go on side by side, at most
    int            batch_size;    ///< the largest batch
};

class Model {
public:
    virtual ~Model();
    Model(const Model &) = delete;
    Model &operator=(const Model &) = delete;

    /**
     * Set what LibTorch keeps per thread. For each thread that calls
     * prepare() or forward(), before it does.
     *
     * @param threads intra-op threads to use from it
     */
    static void enter_thread(int threads);

    /** Before the others: its input is [N, frames, C, H, W]. */
    void set_window(int frames) { frames_ = frames; }

    /** Before prepare(). @return whether it runs with an input [1, c, h, w] */
    virtual bool accepts(int64_t c, int64_t h, int64_t w);

    /**
     * Get ready for batches [n, c, h, w]: choose how to run the network if it
     * is the first call, then run it once. No forward() may be running.
     *
     * @return what forward() returned
     */
    at::Tensor prepare(int64_t n, int64_t c, int64_t h, int64_t w);

    /** The same for a network to be run by forward_all(). */
    std::vector<at::Tensor> prepare_all(int64_t n, int64_t c, int64_t h, int64_t w);

    /**
     * @return tensor [N, C, H, W] on a device, not filled, of the type that the
     *         network takes: float, half or bfloat16; C counts the channels of
     *         all frames
     */
    at::Tensor make_input(int64_t n, int64_t c, int64_t h, int64_t w, c10::Device device) const;

    /**
     * Run the network. May be called by several threads at a time.
     *
     * @param input [N, C, H, W]; as make_input() gave it for the network's
     *              device, it is not converted
     * @return tensor [N, C', H', W'] on the network's device with any strides,
     *         of any floating-point type, which may share memory with the input
     */
    at::Tensor forward(const at::Tensor &input);

    /**
     * Run a network that returns anything but a picture. May be called by
     * several threads at a time.
     *
     * @param input as for forward()
     * @return the tensors it returned, alone or in tuples, lists and dicts, in
     *         their order: float, in memory of the CPU, with any shape and
     *         strides; they may share memory with the input and the network
     */
    std::vector<at::Tensor> forward_all(const at::Tensor &input);

    /** @return how many channels it takes, 0 if that does not show */
    virtual int64_t channels() const = 0;

    /** @return whether its runs must be one at a time and in order */
    virtual bool has_memory() const = 0;

    /** @return whether a device may record a run and repeat it */
    virtual bool can_be_recorded() const { return !has_memory(); }

    /** @return how it runs and why, for the log; empty before prepare() */
    const std::string &description() const { return description_; }

protected:
    explicit Model(const ModelOptions &options)
        : options_(options), device_(options.device), input_type_(options.precision)
    {
    }

    /** Choose how to run batches [n, c, h, w] and describe it. For the first of prepare(). */
    virtual void choose(int64_t n, int64_t c, int64_t h, int64_t w) = 0;

    /** Forget what the network has seen. */
    virtual void forget() {}

    /**
     * Run the network on a batch that is arranged as it wants it, on the device.
     *
     * @return the tensors it returned, anywhere, of any shape and type
     */
    virtual std::vector<at::Tensor> run(const at::Tensor &input) = 0;

    ModelOptions     options_;
    c10::Device      device_;
    at::ScalarType   input_type_;
    at::MemoryFormat input_format_ = at::MemoryFormat::Contiguous;
    std::string      description_;

private:
    template <typename Run>
    auto prepare_with(int64_t n, int64_t c, int64_t h, int64_t w, const Run &run);
    std::vector<at::Tensor> run_arranged(const at::Tensor &input);

    int frames_ = 0; ///< of a window with a dimension of its own
};

/** Load a file of either sort. */
std::unique_ptr<Model> load_model(const ModelOptions &options);

/** The sorts of files, for load_model(). */
std::unique_ptr<Model> load_script(const ModelOptions &options);
std::unique_ptr<Model> load_package(const ModelOptions &options);

} // namespace fftorch

#endif /* AVFILTER_DNN_DNN_TORCH_MODEL_H */
