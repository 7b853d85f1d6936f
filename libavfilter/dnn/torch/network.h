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
 * of files: TorchScript, which is prepared here (torchscript.cpp), and
 * packages that AOTInductor compiled (aoti.cpp).
 *
 * Everything here may throw; describe_exception() of error.h tells what was thrown.
 */

#ifndef AVFILTER_DNN_TORCH_NETWORK_H
#define AVFILTER_DNN_TORCH_NETWORK_H

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <c10/util/Exception.h>
#include <torch/version.h>

// c10::Warning became what is warned of with LibTorch 2.0
#if TORCH_VERSION_MAJOR >= 2
#define WARNINGS_ARE_OBJECTS
#endif

extern "C" {
#include "options.h"
}

namespace fftorch {

struct NetworkOptions {
    std::string    path;
    c10::Device    device = c10::Device(c10::DeviceType::CPU);
    at::ScalarType precision;     ///< of weights and activations
    int            optimize;      ///< an Optimize, or OPTION_AUTO
    int            memory_format; ///< a Layout, or OPTION_AUTO
    bool           keep_memory;   ///< from run to run, instead of freeing it
    bool           nhwc;          ///< its tensors are [N, H, W, C]
    double         low, high;     ///< of the values that frames have for it
    void          *log_ctx;       ///< for av_log()
    int            runners;       ///< runs that may go on side by side, at most
    int            batch_size;    ///< the largest batch
};

/** Writes the warnings of LibTorch to the log, each text once in a process. Threads may share one. */
class WarningLog : public c10::WarningHandler {
public:
    explicit WarningLog(const NetworkOptions &options) : options_(options) {}
#ifdef WARNINGS_ARE_OBJECTS
    void process(const c10::Warning &warning) override { tell(warning.msg()); }
#else
    void process(const c10::SourceLocation &, const std::string &text, bool) override { tell(text); }
#endif

private:
    void tell(const std::string &text);

    const NetworkOptions &options_;
};

class Network {
public:
    virtual ~Network();
    Network(const Network &) = delete;
    Network &operator=(const Network &) = delete;

    /**
     * Set what LibTorch keeps per thread. For each thread that calls
     * prepare() or forward(), before it does.
     *
     * @param threads intra-op threads to use from it
     */
    static void enter_thread(int threads);

    /**
     * Find by running it what the network takes: how many channels, and, if it
     * sees several frames at a time, whether they have a dimension of their own.
     * Before the other functions.
     *
     * @param frames that it sees at a time
     * @param stack  a Stack, or STACK_AUTO
     * @param height, width of its input, 0: unknown
     */
    void probe(int frames, int stack, int64_t height, int64_t width);

    /** Before prepare(). @return whether it runs with an input [1, c, h, w] */
    virtual bool accepts(int64_t c, int64_t h, int64_t w);

    /**
     * Get ready for inputs [1, c, h, w], and run the network once. No forward()
     * may be running. The form that it runs in is chosen at the first call, and
     * proven for each new size.
     *
     * @return what forward() returned
     */
    at::Tensor prepare(int64_t c, int64_t h, int64_t w);

    /** The same for a network to be run by forward_all(). */
    std::vector<at::Tensor> prepare_all(int64_t c, int64_t h, int64_t w);

    /** Picks number i of n from what forward_all() returned. May throw. */
    using Pick = std::function<std::vector<at::Tensor>(const std::vector<at::Tensor> &outputs,
                                                       int64_t n, int64_t i)>;

    /**
     * After prepare(): find the batches that give what their inputs give one by
     * one: of the largest size, its half, and so on.
     *
     * @param pick of what forward_all() returned, those that belong to one input
     */
    void prove_batches(int64_t c, int64_t h, int64_t w, const Pick &pick);

    /** @return the largest proven batch of at most so many inputs */
    size_t largest_batch(size_t wanted) const;

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

    /** @return how many channels it takes, of all frames; 0: any number, or unknown */
    int64_t channels() const { return channels_; }

    /** @return whether it keeps something from one run to the next */
    bool has_state() const { return stateful_; }

    /** @return whether it draws random numbers */
    bool is_random() const { return random_; }

    /** @return whether a device may record a run and repeat it */
    virtual bool can_be_recorded() const { return !stateful_ && !random_; }

    /** @return how it runs and why, for the log; empty before prepare() */
    const std::string &description() const { return description_; }

protected:
    explicit Network(const NetworkOptions &options)
        : options_(options), device_(options.device), input_type_(options.precision),
          warnings_(options_)
    {
    }

    /**
     * Choose how to run inputs [1, c, h, w], or prove that what was chosen before
     * is right for them, and describe it.
     */
    virtual void choose(int64_t c, int64_t h, int64_t w) = 0;

    /** After calls of accepts(): see whether the network has state, and put it back. */
    virtual void settle() {}

    /** Put back what the network remembers of the runs so far. */
    virtual void forget() {}

    /** @return how many channels it may take, 0: no idea; tried last */
    virtual int64_t guess_channels() const { return 0; }

    /** @return input [n, c, h, w] with pictures, see fill_with_picture() */
    at::Tensor make_picture(int64_t n, int64_t c, int64_t h, int64_t w, int number) const;

    /**
     * Run the network on a batch that is arranged as it wants it, on the device.
     *
     * @return the tensors it returned, anywhere, of any shape and type
     */
    virtual std::vector<at::Tensor> run(const at::Tensor &input) = 0;

    NetworkOptions     options_;
    c10::Device      device_;
    at::ScalarType   input_type_;
    at::MemoryFormat input_format_ = at::MemoryFormat::Contiguous;
    std::string      description_;
    int64_t          channels_ = 0;     ///< see channels()
    bool             stateful_ = false; ///< see has_state(), as far as runs showed it
    bool             random_   = false; ///< see is_random(), likewise
    bool             flat_     = false; ///< pictures are black: it fails on others

private:
    template <typename Run>
    auto prepare_with(int64_t c, int64_t h, int64_t w, const Run &run);
    std::vector<at::Tensor> run_arranged(const at::Tensor &input);
    void tell_of_slow_blas(double share);
    bool returned_frames(int64_t c) const;
    bool probe_channels(int64_t frames, int64_t h, int64_t w);
    bool probe_sizes(int64_t frames, int64_t h, int64_t w);

    WarningLog          warnings_;
    bool                told_of_blas_ = false;
    int                 frames_ = 0;     ///< of a window with a dimension of its own
    std::vector<int64_t> returned_;      ///< sizes of what it returned, if that was one tensor
    bool                fits_ = false;   ///< it returned frames of as many channels as it took
    std::vector<size_t> batches_{ 1 };   ///< that are proven, the largest first
};

/** Load a file of either sort. */
std::unique_ptr<Network> load_network(const NetworkOptions &options);

/** The sorts of files, for load_network(). */
std::unique_ptr<Network> load_script(const NetworkOptions &options);
std::unique_ptr<Network> load_package(const NetworkOptions &options);

} // namespace fftorch

#endif /* AVFILTER_DNN_TORCH_NETWORK_H */
