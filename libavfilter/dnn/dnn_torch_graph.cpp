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

#include "dnn_torch_graph.h"

#include <algorithm>

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/passes/inliner.h>

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

bool is_convolution(const jit::Node *node)
{
    static const std::vector<c10::Symbol> kinds = {
        c10::Symbol::aten("conv2d"), c10::Symbol::aten("_convolution"),
        c10::Symbol::aten("convolution"), c10::Symbol::aten("conv_transpose2d"),
    };
    return std::find(kinds.begin(), kinds.end(), node->kind()) != kinds.end();
}

bool is_transposed(const jit::Node *node)
{
    if (node->kind() == c10::Symbol::aten("conv_transpose2d"))
        return true;
    return node->hasNamedInput("transposed") &&
           jit::constant_as<bool>(node->namedInput("transposed")).value_or(false);
}

/**
 * Freezing makes constants of the weights, unless the network changes them as
 * it runs. What cannot be frozen runs as it is.
 */
bool try_freeze(jit::Module &module)
{
    try {
        module = jit::freeze(module);
        return true;
    } catch (const std::exception &) {
        return false;
    }
}

void convert_constants(jit::Module &frozen, at::ScalarType precision, at::MemoryFormat format)
{
    for_each_node(frozen.get_method("forward").graph()->block(), [&](jit::Node *node) {
        if (node->kind() != c10::prim::Constant || !node->hasAttribute(c10::attr::value) ||
            node->kindOf(c10::attr::value) != jit::AttributeKind::t)
            return;

        at::Tensor tensor = node->t(c10::attr::value);
        if (!tensor.is_floating_point())
            return;
        if (tensor.dim() == 4)
            tensor = tensor.contiguous(format);
        node->t_(c10::attr::value, tensor.to(precision));
    });
}

} // namespace

std::string Variant::name() const
{
    static const char *const optimize_names[] = { "as loaded", "frozen", "optimized for inference" };

    return std::string(optimize_names[optimize]) +
           (layout == LAYOUT_CHANNELS_LAST ? ", channels last" : ", contiguous");
}

std::vector<Convolution> convolutions(const torch::jit::Module &module)
{
    std::vector<Convolution> found;
    jit::Module frozen = module.clone();

    if (!try_freeze(frozen))
        return found;

    for_each_node(frozen.get_method("forward").graph()->block(), [&](jit::Node *node) {
        if (!is_convolution(node))
            return;
        const auto weight = jit::constant_as<at::Tensor>(node->namedInput("weight"));
        const auto groups = jit::constant_as<int64_t>(node->namedInput("groups"));
        if (!weight || weight->dim() != 4 || !groups)
            return;

        const int64_t kernel = std::max(weight->size(2), weight->size(3));
        if (is_transposed(node))
            found.push_back({ weight->size(0), weight->size(1) * *groups, kernel });
        else
            found.push_back({ weight->size(1) * *groups, weight->size(0), kernel });
    });
    return found;
}

Variant choose_by_rule(const std::vector<Convolution> &convolutions, std::string &reason)
{
    int64_t widest = 0;

    for (const Convolution &convolution : convolutions)
        widest = std::max(widest, std::min(convolution.in, convolution.out));
    if (convolutions.empty()) {
        reason = "it has no convolutions";
        return { OPTIMIZE_FREEZE, LAYOUT_CONTIGUOUS };
    }
    reason = std::to_string(convolutions.size()) + " convolutions, between at most " +
             std::to_string(widest) + " channels";
    return { OPTIMIZE_INFERENCE, LAYOUT_CONTIGUOUS };
}

torch::jit::Module make_variant(const torch::jit::Module &loaded, Variant variant,
                                at::ScalarType precision)
{
    const at::MemoryFormat format = variant.layout == LAYOUT_CHANNELS_LAST
                                        ? at::MemoryFormat::ChannelsLast
                                        : at::MemoryFormat::Contiguous;
    jit::Module module = loaded.clone();

    if (variant.optimize == OPTIMIZE_NONE || !try_freeze(module)) {
        module.to(precision);
        return module;
    }
    convert_constants(module, precision, format);
    return variant.optimize == OPTIMIZE_INFERENCE ? jit::optimize_for_inference(module) : module;
}

} // namespace fftorch
