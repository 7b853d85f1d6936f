# SPDX-License-Identifier: LGPL-2.1-or-later
"""Write a TorchScript network as an ONNX file, for the onnx column.

usage: to_onnx.py NET.pt CHANNELS NET.onnx

It walks the frozen graph and knows the operations of the benchmark's networks.
What it wrote is compared with the network when onnxruntime is here.
"""
import sys

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper


class Writer:
    """Runs the graph on a small input and notes each tensor operation."""

    def __init__(self):
        self.nodes, self.weights = [], []

    def add(self, kind, inputs, **attributes):
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def weight(self, tensor):
        name = f"w{len(self.weights)}"
        array = tensor.detach().contiguous().numpy()
        self.weights.append(numpy_helper.from_array(array, name))
        return name


class Value:
    """A tensor that the network computes: its name in the file and its size."""

    def __init__(self, name, tensor):
        self.name, self.tensor = name, tensor


def convert(graph, writer, example):
    env = {}
    known = list(graph.inputs())
    env[known[-1].debugName()] = Value("x", example)
    for node in graph.nodes():
        kind = node.kind()
        args = [env.get(v.debugName()) for v in node.inputs()]
        out = node.output().debugName()
        x = args[0] if args and isinstance(args[0], Value) else None
        if kind == "prim::Constant":
            env[out] = node.output().toIValue()
        elif kind == "prim::ListConstruct":
            env[out] = args
        elif kind == "aten::size":
            env[out] = x.tensor.size(args[1])
        elif kind == "aten::mul" and not x:
            env[out] = args[0] * args[1]
        elif kind == "aten::conv2d":
            _, weight, bias, stride, padding, dilation, groups = args
            inputs = [x.name, writer.weight(weight)] + ([] if bias is None else [writer.weight(bias)])
            name = writer.add("Conv", inputs, strides=stride, pads=padding * 2, dilations=dilation,
                              group=groups, kernel_shape=list(weight.shape[2:]))
            env[out] = Value(name, torch.conv2d(x.tensor, weight, bias, stride, padding, dilation, groups))
        elif kind in ("aten::relu", "aten::tanh"):
            operation = kind[6:]
            env[out] = Value(writer.add(operation.capitalize(), [x.name]), getattr(torch, operation)(x.tensor))
        elif kind == "aten::prelu":
            name = writer.add("PRelu", [x.name, writer.weight(args[1].reshape(-1, 1, 1))])
            env[out] = Value(name, torch.prelu(x.tensor, args[1]))
        elif kind == "aten::pixel_shuffle":
            name = writer.add("DepthToSpace", [x.name], blocksize=args[1], mode="CRD")
            env[out] = Value(name, torch.pixel_shuffle(x.tensor, args[1]))
        elif kind == "aten::add" and isinstance(args[1], Value) and args[2] == 1:
            env[out] = Value(writer.add("Add", [x.name, args[1].name]), x.tensor + args[1].tensor)
        elif kind == "aten::replication_pad2d":
            left, right, top, bottom = args[1]
            pads = writer.weight(torch.tensor([0, 0, top, left, 0, 0, bottom, right]))
            env[out] = Value(writer.add("Pad", [x.name, pads], mode="edge"),
                             torch.nn.functional.pad(x.tensor, args[1], mode="replicate"))
        elif kind == "aten::upsample_nearest2d":
            result = torch.nn.functional.interpolate(x.tensor, args[1])
            scale = [float(result.size(i)) / x.tensor.size(i) for i in range(4)]
            name = writer.add("Resize", [x.name, "", writer.weight(torch.tensor(scale))], mode="nearest",
                              coordinate_transformation_mode="asymmetric", nearest_mode="floor")
            env[out] = Value(name, result)
        else:
            sys.exit(f"to_onnx.py does not know {kind}")
    result = env[next(graph.outputs()).debugName()]
    # the name of the output is the file's
    writer.nodes.append(helper.make_node("Identity", [result.name], ["y"]))
    return result.tensor


def main():
    path, channels, target = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    net = torch.jit.load(path).eval()
    example = torch.rand(1, channels, 24, 32)
    writer = Writer()
    with torch.no_grad():
        result = convert(torch.jit.freeze(net).graph, writer, example)
    tensor = helper.make_tensor_value_info
    graph = helper.make_graph(
        writer.nodes, "net",
        [tensor("x", TensorProto.FLOAT, [1, channels, "h", "w"])],
        [tensor("y", TensorProto.FLOAT, [1, result.size(1), "H", "W"])], writer.weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, target)


if __name__ == "__main__":
    main()
