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
#include "dnn_torch_fuse.h"

#include <algorithm>
#include <stdexcept>
#include <unordered_map>
#include <vector>

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/version.h>

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

bool is_one_of(const jit::Node *node, const std::vector<c10::Symbol> &kinds)
{
    return std::find(kinds.begin(), kinds.end(), node->kind()) != kinds.end();
}

bool is_convolution(const jit::Node *node)
{
    static const std::vector<c10::Symbol> kinds = {
        c10::Symbol::aten("conv2d"), c10::Symbol::aten("_convolution"),
        c10::Symbol::aten("convolution"), c10::Symbol::aten("conv_transpose2d"),
    };
    return is_one_of(node, kinds);
}

/** Operations that optimized convolutions pass their own layout through. */
bool keeps_layout(const jit::Node *node)
{
    static const std::vector<c10::Symbol> kinds = {
        c10::Symbol::aten("relu"), c10::Symbol::aten("relu_"),
        c10::Symbol::aten("tanh"), c10::Symbol::aten("tanh_"),
        c10::Symbol::aten("sigmoid"), c10::Symbol::aten("sigmoid_"),
        c10::Symbol::aten("add"), c10::Symbol::aten("add_"),
    };
    return is_one_of(node, kinds);
}

/**
 * @return whether LibTorch makes a wrong picture of the operation when it
 *         optimizes it: seen in 1.13, not in 2.6
 */
bool breaks_when_optimized(const jit::Node *node)
{
#if TORCH_VERSION_MAJOR < 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR < 6)
    static const std::vector<c10::Symbol> kinds = {
        c10::Symbol::aten("hardtanh"), c10::Symbol::aten("hardtanh_"),
        c10::Symbol::aten("relu6"), c10::Symbol::aten("relu6_"),
        c10::Symbol::aten("hardswish"), c10::Symbol::aten("hardswish_"),
        c10::Symbol::aten("hardsigmoid"), c10::Symbol::aten("hardsigmoid_"),
    };
    return is_one_of(node, kinds);
#else
    return false;
#endif
}

bool makes_tensor(const jit::Node *node)
{
    return node->kind().is_aten() && node->outputs().size() == 1 &&
           node->output()->type()->isSubtypeOf(*c10::TensorType::get());
}

/**
 * @return whether a value is the network's input, but for what is done to each
 *         channel on its own
 */
bool is_input(const jit::Value *value, const jit::Value *input)
{
    static const std::vector<c10::Symbol> kinds = {
        c10::Symbol::aten("add"), c10::Symbol::aten("sub"), c10::Symbol::aten("mul"),
        c10::Symbol::aten("div"), c10::Symbol::aten("clamp"), c10::Symbol::aten("to"),
        c10::Symbol::aten("contiguous"), c10::Symbol::aten("pad"),
        c10::Symbol::aten("constant_pad_nd"), c10::Symbol::aten("reflection_pad2d"),
        c10::Symbol::aten("replication_pad2d"),
    };

    while (value != input) {
        const jit::Node *node = value->node();
        if (!is_one_of(node, kinds))
            return false;
        value = node->input(0);
    }
    return true;
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
std::optional<jit::Module> try_freeze(const jit::Module &module)
{
    // without it calls are not inlined, and freezing takes their targets away
    const jit::GraphOptimizerEnabledGuard inline_calls(true);

    try {
        return jit::freeze(module.clone());
    } catch (const std::exception &) {
        return std::nullopt;
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
    static const char *const optimize_names[] = { "as loaded", "frozen", "optimized for inference",
                                                   "fused" };

    return std::string(optimize_names[optimize]) +
           (layout == LAYOUT_CHANNELS_LAST ? ", channels last" : ", contiguous");
}

Anatomy::Anatomy(const torch::jit::Module &module)
    : has_memory(true), frozen(try_freeze(module))
{
    if (!frozen)
        return;

    // what the network writes to is all that freezing leaves in the module
    has_memory = frozen->named_attributes(true).size() > 0;

    nb_fusable = fuse_activations(frozen->get_method("forward").graph()->copy());

    // what each value that comes from a convolution went through since then
    std::unordered_map<const jit::Value *, std::string> passed;
    for_each_node(frozen->get_method("forward").graph()->block(), [&](jit::Node *node) {
        const bool convolution = is_convolution(node);
        bool derived = !node->blocks().empty();
        std::string through = derived ? node->kind().toUnqualString() : "";

        for (const jit::Value *input : node->inputs()) {
            const auto from = passed.find(input);
            if (from == passed.end())
                continue;
            derived = true;
            if (through.empty())
                through = from->second;
        }
        if (convolution) {
            if (obstacle.empty())
                obstacle = through;
            count_convolution(node);
            through.clear();
        } else if (through.empty() && makes_tensor(node) && !keeps_layout(node)) {
            through = node->kind().toUnqualString();
        }
        if (convolution || derived)
            for (const jit::Value *output : node->outputs())
                passed[output] = through;
    });
}

void Anatomy::count_convolution(const torch::jit::Node *node)
{
    const auto weight = jit::constant_as<at::Tensor>(node->namedInput("weight"));
    const auto groups = jit::constant_as<int64_t>(node->namedInput("groups"));

    if (!weight || weight->dim() != 4 || !groups)
        return;
    const jit::Value *input = node->owningGraph()->inputs().back();
    if (!nb_convolutions++ && is_input(node->input(0), input))
        channels = is_transposed(node) ? weight->size(0) : weight->size(1) * *groups;
}

Variant choose_by_rule(const Anatomy &anatomy, at::ScalarType precision, std::string &reason)
{
    const int count = anatomy.nb_convolutions;

    if (!count) {
        reason = "it has no convolutions";
        return { OPTIMIZE_FREEZE, LAYOUT_CONTIGUOUS };
    }

    reason = std::to_string(count) + " convolutions";
    if (anatomy.nb_fusable) {
        reason += ", " + std::to_string(anatomy.nb_fusable) + " activations within them";
        return { OPTIMIZE_FUSE, LAYOUT_CHANNELS_LAST };
    }
    // Optimized convolutions have a layout of their own, which is a little
    // faster than channels last, but costs a conversion at both ends and at
    // everything that does not know it.
    if (count < 3)
        return { OPTIMIZE_FREEZE, LAYOUT_CHANNELS_LAST };
    // only fp32 convolutions are optimized, others stay as slow as they are
    if (precision != at::kFloat) {
        reason += std::string(", ") + toString(precision);
        return { OPTIMIZE_FREEZE, LAYOUT_CHANNELS_LAST };
    }
    if (!anatomy.obstacle.empty()) {
        reason += ", " + anatomy.obstacle + " between";
        return { OPTIMIZE_FREEZE, LAYOUT_CHANNELS_LAST };
    }
    return { OPTIMIZE_INFERENCE, LAYOUT_CONTIGUOUS };
}

Variant choose_for_device(at::ScalarType precision, std::string &reason)
{
    // what optimizes for inference is for CPUs, and the fast convolutions of
    // devices take half and bfloat16 values pixel by pixel
    reason = std::string(toString(precision)) + " on a device";
    return { OPTIMIZE_FREEZE, precision == at::kFloat ? LAYOUT_CONTIGUOUS : LAYOUT_CHANNELS_LAST };
}

torch::jit::Module make_variant(const torch::jit::Module &loaded, const Anatomy &anatomy,
                                Variant variant, at::ScalarType precision)
{
    const at::MemoryFormat format = variant.layout == LAYOUT_CHANNELS_LAST
                                        ? at::MemoryFormat::ChannelsLast
                                        : at::MemoryFormat::Contiguous;
    const bool as_loaded = variant.optimize == OPTIMIZE_NONE || !anatomy.frozen;
    const jit::Module &base = as_loaded ? loaded : *anatomy.frozen;
    // a clone has a graph of its own to change, but shares the tensors: those
    // that the network writes to, and those that to() converts in place
    jit::Module module = (anatomy.has_memory || as_loaded ? base.deepcopy() : base).clone();

    if (as_loaded) {
        module.to(precision);
        return module;
    }
    convert_constants(module, precision, format);
    if (variant.optimize == OPTIMIZE_FUSE) {
        if (!fuse_activations(module.get_method("forward").graph()))
            throw std::invalid_argument("there is nothing to fuse in it, or this LibTorch cannot");
        return module;
    }

    bool optimize = variant.optimize == OPTIMIZE_INFERENCE;
    for_each_node(module.get_method("forward").graph()->block(), [&](const jit::Node *node) {
        optimize = optimize && !breaks_when_optimized(node);
    });
    return optimize ? jit::optimize_for_inference(module) : module;
}

} // namespace fftorch
