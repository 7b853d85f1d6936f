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

#include "graph.h"

#include <stdexcept>

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include "contents.h"
#include "fuse.h"

namespace fftorch {
namespace {

namespace jit = torch::jit;

/** Call a function for each node of a block and of the blocks within. */
template <typename Function>
void for_each_node(jit::Block *block, const Function &function)
{
    for (jit::Node *node : block->nodes()) {
        function(node);
        for (jit::Block *inner : node->blocks())
            for_each_node(inner, function);
    }
}

jit::Block *block_of(const jit::Module &module)
{
    return module.get_method("forward").graph()->block();
}

/**
 * Freezing makes constants of the weights, unless the network changes them as
 * it runs. What cannot be frozen runs as it is.
 */
std::optional<jit::Module> try_freeze(const jit::Module &module)
{
    // without it calls are not inlined, and freezing takes their targets away
    const jit::GraphOptimizerEnabledGuard inline_calls(true);

    try {
        return jit::freeze(module);
    } catch (const std::exception &) {
        return std::nullopt;
    }
}

/** Change the constants of a frozen graph: the layout of weights, the precision of all. */
void convert_constants(jit::Module &frozen, at::ScalarType precision, at::MemoryFormat format)
{
    for_each_node(block_of(frozen), [&](jit::Node *node) {
        if (node->kind() != c10::prim::Constant || !node->hasAttribute(c10::attr::value) ||
            node->kindOf(c10::attr::value) != jit::AttributeKind::t)
            return;

        at::Tensor tensor = node->t(c10::attr::value);
        if (tensor.scalar_type() != at::kFloat || tensor.layout() != at::kStrided)
            return;
        if (tensor.dim() == 4)
            tensor = tensor.contiguous(format);
        node->t_(c10::attr::value, tensor.to(precision));
    });
}

/** @return channels that a convolution takes, 0 if it is none */
int64_t input_channels(const jit::Node *node)
{
    const auto schema = node->maybeSchema();

    if (!schema || !node->kind().is_aten() || !node->hasNamedInput("weight") ||
        !node->hasNamedInput("groups"))
        return 0;

    const auto weight = jit::constant_as<at::Tensor>(node->namedInput("weight"));
    const auto groups = jit::constant_as<int64_t>(node->namedInput("groups"));
    bool transposed = node->kind().toUnqualString() == std::string("conv_transpose2d");

    if (node->hasNamedInput("transposed"))
        transposed = jit::constant_as<bool>(node->namedInput("transposed")).value_or(false);
    if (!weight || weight->dim() < 4 || !groups)
        return 0;
    return transposed ? weight->size(0) : weight->size(1) * *groups;
}

} // namespace

std::string Form::name() const
{
    static const char *const optimize_names[] = { "as loaded", "frozen", "optimized for inference",
                                                   "fused" };
    std::string name = optimize_names[optimize];

    if (precision != at::kFloat)
        name += std::string(", ") + (mixed ? "mixed with " : "") + toString(precision);
    return name + (layout == LAYOUT_CHANNELS_LAST ? ", channels last" : ", contiguous");
}

Source::Source(const jit::Module &module) : loaded(module), frozen(try_freeze(module)) {}

bool Source::can_fuse() const
{
    return frozen && fuse_activations(frozen->get_method("forward").graph()->copy());
}

bool Source::copies_weights(const Form &form) const
{
    return form.optimize == OPTIMIZE_INFERENCE || form.layout == LAYOUT_CHANNELS_LAST ||
           (form.precision != at::kFloat && !form.mixed);
}

jit::Module Source::make(const Form &form) const
{
    const at::ScalarType precision = form.mixed ? at::kFloat : form.precision;

    if (form.optimize == OPTIMIZE_NONE)
        return precision == at::kFloat ? loaded : convert_contents(loaded, at::kFloat, precision);
    if (!frozen)
        throw std::invalid_argument("it cannot be frozen");

    // a clone has a graph of its own to change
    jit::Module module = frozen->clone();
    convert_constants(module, precision, form.layout == LAYOUT_CHANNELS_LAST
                                             ? at::MemoryFormat::ChannelsLast
                                             : at::MemoryFormat::Contiguous);
    if (precision != at::kFloat)
        module = convert_contents(module, at::kFloat, precision);
    if (form.optimize == OPTIMIZE_FUSE && !fuse_activations(module.get_method("forward").graph()))
        throw std::invalid_argument("there is nothing to fuse in it, or this LibTorch cannot");
    return form.optimize == OPTIMIZE_INFERENCE ? jit::optimize_for_inference(module) : module;
}

int64_t Source::first_channels() const
{
    int64_t channels = 0;

    if (frozen)
        for_each_node(block_of(*frozen), [&](const jit::Node *node) {
            if (!channels)
                channels = input_channels(node);
        });
    return channels;
}

} // namespace fftorch
