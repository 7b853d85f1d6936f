# SPDX-License-Identifier: LGPL-2.1-or-later
"""ESPCN of the benchmark as a module of Python, with the weights of the
TorchScript file, for tools/dnn_torch_export.py to make a package of."""
import torch


class ESPCN(torch.nn.Module):
    def __init__(self, weights):
        super().__init__()
        net = torch.jit.load(weights)
        layers = []
        for i in range(3):
            weight, bias = getattr(net, f"w{i}"), getattr(net, f"b{i}")
            outputs, inputs, kernel, _ = weight.shape
            layer = torch.nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
            layer.weight, layer.bias = torch.nn.Parameter(weight), torch.nn.Parameter(bias)
            layers += [layer, torch.nn.Tanh()]
        self.body = torch.nn.Sequential(*layers[:-1], torch.nn.PixelShuffle(2))

    def forward(self, x):
        return self.body(x)
