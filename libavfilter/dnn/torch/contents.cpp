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

#include "contents.h"

#include <cstring>
#include <string>
#include <unordered_map>
#include <unordered_set>

namespace fftorch {
namespace {

namespace jit = torch::jit;

/** Call functions for each tensor, and for each other plain value, that a value holds. */
template <typename OnTensor, typename OnPlain>
class Visitor {
public:
    Visitor(const OnTensor &on_tensor, const OnPlain &on_plain)
        : on_tensor_(on_tensor), on_plain_(on_plain) {}

    void visit(const jit::IValue &value)
    {
        if (value.isTensor()) {
            // what is sparse has no bytes of its own
            if (value.toTensor().defined() && value.toTensor().layout() == at::kStrided)
                on_tensor_(value.toTensor());
        } else if (value.isObject()) {
            // objects may refer to each other
            if (seen_.insert(value.toObject().get()).second)
                for (const jit::IValue &slot : value.toObject()->slots())
                    visit(slot);
        } else if (value.isTuple()) {
            for (const jit::IValue &element : value.toTuple()->elements())
                visit(element);
        } else if (value.isList()) {
            on_plain_(jit::IValue(static_cast<int64_t>(value.toListRef().size())));
            for (const jit::IValue &element : value.toListRef())
                visit(element);
        } else if (value.isGenericDict()) {
            for (const auto &entry : value.toGenericDict()) {
                visit(entry.key());
                visit(entry.value());
            }
        } else {
            on_plain_(value);
        }
    }

private:
    const OnTensor &on_tensor_;
    const OnPlain  &on_plain_;
    std::unordered_set<const void *> seen_;
};

template <typename OnTensor, typename OnPlain>
void for_each_value(const jit::Module &module, const OnTensor &on_tensor, const OnPlain &on_plain)
{
    Visitor<OnTensor, OnPlain>(on_tensor, on_plain).visit(module._ivalue());
}

void ignore(const jit::IValue &) {}

/** Mix bytes into a fingerprint. */
void mix(uint64_t &sum, const void *data, size_t size)
{
    const uint8_t *bytes = static_cast<const uint8_t *>(data);
    uint64_t word;

    for (; size >= sizeof(word); size -= sizeof(word), bytes += sizeof(word)) {
        std::memcpy(&word, bytes, sizeof(word));
        sum = (sum ^ word) * 0x9e3779b97f4a7c15;
        sum ^= sum >> 29;
    }
    for (; size; size--, bytes++)
        sum = (sum ^ *bytes) * 0x100000001b3;
}

/** Converts what a value holds; each object once, so that they share what they shared. */
class Converter {
public:
    Converter(at::ScalarType from, at::ScalarType to) : from_(from), to_(to) {}

    jit::IValue convert(const jit::IValue &value)
    {
        if (value.isTensor())
            return convert(value.toTensor());
        if (value.isObject())
            return convert(value.toObject());
        if (value.isTuple()) {
            std::vector<jit::IValue> elements;
            for (const jit::IValue &element : value.toTuple()->elements())
                elements.push_back(convert(element));
            const auto type = value.toTuple()->type<c10::TupleType>();
            return c10::ivalue::Tuple::createNamed(std::move(elements), type);
        }
        if (value.isList()) {
            c10::impl::GenericList list(value.toList().elementType());
            for (const jit::IValue &element : value.toListRef())
                list.push_back(convert(element));
            return list;
        }
        if (value.isGenericDict()) {
            const auto dict = value.toGenericDict();
            c10::impl::GenericDict converted(dict.keyType(), dict.valueType());
            for (const auto &entry : dict)
                converted.insert(convert(entry.key()), convert(entry.value()));
            return converted;
        }
        return value;
    }

    jit::IValue convert(const c10::intrusive_ptr<c10::ivalue::Object> &object)
    {
        const auto known = objects_.find(object.get());
        if (known != objects_.end())
            return known->second;

        const auto made = c10::ivalue::Object::create(
            c10::StrongTypePtr(object->compilation_unit(), object->type()),
            object->slots().size());
        objects_[object.get()] = made; // before its slots, which may refer to it
        for (size_t i = 0; i < object->slots().size(); i++)
            made->setSlot(i, convert(object->getSlot(i)));
        return made;
    }

private:
    jit::IValue convert(const at::Tensor &tensor)
    {
        if (!tensor.defined() || tensor.layout() != at::kStrided || tensor.scalar_type() != from_)
            return tensor;
        at::Tensor &converted = tensors_[tensor.unsafeGetTensorImpl()];
        if (!converted.defined())
            converted = tensor.detach().to(to_).set_requires_grad(tensor.requires_grad());
        return converted;
    }

    const at::ScalarType from_, to_;
    std::unordered_map<const void *, c10::intrusive_ptr<c10::ivalue::Object>> objects_;
    std::unordered_map<const void *, at::Tensor> tensors_;
};

} // namespace

uint64_t fingerprint(const jit::Module &module)
{
    uint64_t sum = 0x2545f4914f6cdd1d;

    for_each_value(module,
          [&](const at::Tensor &tensor) {
              const at::Tensor plain = tensor.detach().to(at::kCPU).contiguous();
              mix(sum, plain.sizes().data(), plain.dim() * sizeof(int64_t));
              mix(sum, plain.data_ptr(), plain.nbytes());
          },
          [&](const jit::IValue &value) {
              if (value.isInt() || value.isBool() || value.isDouble()) {
                  const double number = value.toScalar().toDouble();
                  mix(sum, &number, sizeof(number));
              } else if (value.isString()) {
                  mix(sum, value.toStringRef().data(), value.toStringRef().size());
              } else {
                  mix(sum, value.isNone() ? "0" : "1", 1);
              }
          });
    return sum;
}

size_t contents_size(const jit::Module &module)
{
    size_t size = 0;

    for_each_value(module, [&](const at::Tensor &tensor) { size += tensor.nbytes(); }, ignore);
    return size;
}

at::ScalarType main_type(const jit::Module &module)
{
    std::unordered_map<int, int64_t> counts;
    at::ScalarType most = at::kFloat;

    for_each_value(module,
          [&](const at::Tensor &tensor) {
              const at::ScalarType type = tensor.scalar_type();
              if (!tensor.is_floating_point())
                  return;
              counts[static_cast<int>(type)] += tensor.numel();
              if (counts[static_cast<int>(type)] > counts[static_cast<int>(most)])
                  most = type;
          },
          ignore);
    return most;
}

jit::Module convert_contents(const jit::Module &module, at::ScalarType from, at::ScalarType to)
{
    return jit::Module(Converter(from, to).convert(module._ivalue()).toObject());
}

} // namespace fftorch
