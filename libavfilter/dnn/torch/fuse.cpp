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

#include "fuse.h"

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/runtime/operator.h>

namespace fftorch {
namespace {

namespace jit = torch::jit;

/** An activation, as at::native::_convolution_pointwise() takes it. */
struct Activation {
    std::string              name;
    std::vector<c10::IValue> scalars   = {};
    c10::IValue              algorithm = {}; ///< a string, or None
};

c10::Symbol fused_convolution()
{
    return c10::Symbol::fromQualString("mkldnn::_convolution_pointwise");
}

/** Fill it with what its operation has beside its input. @return whether that is known */
bool add_constants(const jit::Node *node, Activation &activation)
{
    for (size_t i = 1; i < node->inputs().size(); i++) {
        const auto value = jit::toIValue(node->input(i));
        if (!value)
            return false;
        if (value->isString())
            activation.algorithm = *value;
        else
            activation.scalars.push_back(*value);
    }
    return true;
}

/** @return without a value if it is none that can be fused */
std::optional<Activation> find_activation(const jit::Node *node)
{
    static const std::unordered_map<std::string, std::string> names = {
        { "relu", "relu" }, { "leaky_relu", "leaky_relu" }, { "hardtanh", "hardtanh" },
        { "tanh", "tanh" }, { "sigmoid", "sigmoid" }, { "hardsigmoid", "hardsigmoid" },
        { "gelu", "gelu" }, { "silu", "swish" }, { "hardswish", "hardswish" },
    };
    std::string kind = node->kind().toUnqualString();

    if (kind.back() == '_')
        kind.pop_back();
    const auto found = names.find(kind);
    if (!node->kind().is_aten() || found == names.end())
        return std::nullopt;
    Activation activation{ found->second };
    return add_constants(node, activation) ? std::make_optional(activation) : std::nullopt;
}

bool is_list_of_int(const jit::Value *value)
{
    return value->type()->isSubtypeOf(*c10::ListType::ofInts());
}

/** @return whether it is a plain convolution of two dimensions, its weight known */
bool can_be_fused(const jit::Node *node)
{
    const bool general = node->kind() == c10::Symbol::aten("_convolution") ||
                         node->kind() == c10::Symbol::aten("convolution");

    if (!general && node->kind() != c10::Symbol::aten("conv2d"))
        return false;
    if (general && jit::constant_as<bool>(node->namedInput("transposed")).value_or(true))
        return false;
    const auto weight = jit::constant_as<at::Tensor>(node->namedInput("weight"));
    return weight && weight->dim() == 4 && is_list_of_int(node->namedInput("padding"));
}

/** Replace a convolution, and the activation that alone uses it. */
void fuse(jit::Graph &graph, jit::Node *convolution, jit::Node *node, const Activation &activation)
{
    const jit::WithInsertPoint before(convolution);
    std::vector<jit::Value *> scalars;
    for (const c10::IValue &scalar : activation.scalars)
        scalars.push_back(graph.insertConstant(scalar));
    jit::Value *list = graph.insertNode(graph.createList(
        c10::OptionalType::create(c10::NumberType::get()), scalars))->output();
    jit::Node *fused = graph.insertNode(graph.create(fused_convolution(), {
        convolution->namedInput("input"), convolution->namedInput("weight"),
        convolution->namedInput("bias"), convolution->namedInput("padding"),
        convolution->namedInput("stride"), convolution->namedInput("dilation"),
        convolution->namedInput("groups"), graph.insertConstant(activation.name), list,
        graph.insertConstant(activation.algorithm) }));

    fused->output()->setType(node->output()->type());
    node->output()->replaceAllUsesWith(fused->output());
    node->destroy();
    convolution->destroy();
}

void find_convolutions(jit::Block *block, std::vector<jit::Node *> &convolutions)
{
    for (jit::Node *node : block->nodes()) {
        if (can_be_fused(node))
            convolutions.push_back(node);
        for (jit::Block *inner : node->blocks())
            find_convolutions(inner, convolutions);
    }
}

} // namespace

int fuse_activations(const std::shared_ptr<torch::jit::Graph> &graph)
{
    std::vector<jit::Node *> convolutions;
    int nb_fused = 0;

    if (jit::getAllOperatorsFor(fused_convolution()).empty())
        return 0;
    find_convolutions(graph->block(), convolutions);
    for (jit::Node *convolution : convolutions) {
        if (convolution->output()->uses().size() != 1)
            continue;
        jit::Node *user = convolution->output()->uses()[0].user;
        const auto activation = find_activation(user);
        if (!activation || user->owningBlock() != convolution->owningBlock())
            continue;
        fuse(*graph, convolution, user, *activation);
        nb_fused++;
    }
    return nb_fused;
}

} // namespace fftorch
