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
 * The forms of a network: they compute the same, but differ in speed and in the
 * last bits.
 */

#ifndef AVFILTER_DNN_TORCH_GRAPH_H
#define AVFILTER_DNN_TORCH_GRAPH_H

#include <optional>
#include <string>

#include <torch/script.h>

extern "C" {
#include "options.h"
}

namespace fftorch {

/** A way to run a network. */
struct Form {
    Optimize       optimize;
    Layout         layout;
    at::ScalarType precision; ///< of weights and activations
    bool           mixed;     ///< precision only for the operations that are safe with it

    std::string name() const;
};

/** A network as it is in its file, and what its forms are made of. */
struct Source {
    torch::jit::Module loaded; ///< in evaluation mode, all of it in full precision
    /** With its weights in the graph; without a value if it cannot be frozen. */
    std::optional<torch::jit::Module> frozen;

    /** @param module in evaluation mode; weights are shared with it */
    explicit Source(const torch::jit::Module &module);

    /** @return whether activations can be computed within convolutions */
    bool can_fuse() const;

    /** @return whether a form has the weights once more, beside those of the source */
    bool copies_weights(const Form &form) const;

    /**
     * Make a form. It shares weights with the source, and so what the network
     * writes to: a network with state takes a source for each of its forms.
     *
     * @throws std::exception if it cannot be had: which one depends on LibTorch
     */
    torch::jit::Module make(const Form &form) const;

    /**
     * @return channels of the input that the first convolution takes, 0 if there
     *         is none: a guess, for the network may do anything before it
     */
    int64_t first_channels() const;
};

} // namespace fftorch

#endif /* AVFILTER_DNN_TORCH_GRAPH_H */
