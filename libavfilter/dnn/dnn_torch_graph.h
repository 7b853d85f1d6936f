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
 * The graph of a network: what it is made of, and its forms that compute the
 * same but differ in speed and in the last bits.
 */

#ifndef AVFILTER_DNN_DNN_TORCH_GRAPH_H
#define AVFILTER_DNN_DNN_TORCH_GRAPH_H

#include <optional>
#include <string>

#include <torch/script.h>

extern "C" {
#include "dnn_torch_options.h"
}

namespace fftorch {

/** A way to run a network. */
struct Variant {
    Optimize optimize;
    Layout   layout;

    std::string name() const;
};

/** What a network is made of. */
struct Anatomy {
    int     nb_convolutions = 0; ///< of two dimensions, transposed or not
    int64_t channels        = 0; ///< that the input has, 0: it does not show
    int     nb_fusable      = 0; ///< activations that this LibTorch can compute within them
    /** What is neither a convolution nor simple, on the way from one to another. */
    std::string obstacle;
    bool has_memory;  ///< it may keep something from one run to the next
    /** With its weights in the graph; without a value if it cannot be frozen. */
    std::optional<torch::jit::Module> frozen;

    /** @param module in evaluation mode; not changed, but weights are shared with it */
    explicit Anatomy(const torch::jit::Module &module);

private:
    void count_convolution(const torch::jit::Node *node);
};

/**
 * The variant that is fast for networks like this one, on a CPU. It depends on
 * the network, its precision and LibTorch alone, so that equal runs give equal
 * bytes.
 *
 * @param reason what it was chosen for
 */
Variant choose_by_rule(const Anatomy &anatomy, at::ScalarType precision, std::string &reason);

/** The same for other devices than the CPU, whatever the network is made of. */
Variant choose_for_device(at::ScalarType precision, std::string &reason);

/**
 * Make a variant of a network.
 *
 * @param loaded    as it is in the file, in evaluation mode; neither making
 *                  the variant nor running it changes it
 * @param anatomy   of that; not changed either
 * @param precision of its weights
 * @throws std::invalid_argument if there is nothing to fuse, where that is asked for
 */
torch::jit::Module make_variant(const torch::jit::Module &loaded, const Anatomy &anatomy,
                                Variant variant, at::ScalarType precision);

} // namespace fftorch

#endif /* AVFILTER_DNN_DNN_TORCH_GRAPH_H */
