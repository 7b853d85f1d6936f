# SPDX-License-Identifier: LGPL-2.1-or-later
"""Networks made at random: source text from a seed. A network is an entry, which makes y of
the input x, and a row of items; each takes y with c channels and gives y with the channels
that it returns. An item depends on its own seed and on c only, so that others can be left
out (the shrinker)."""

import random

HEADER = """from typing import Dict, List, Tuple
import torch
from torch import nn, Tensor
from torch.nn import functional as F
"""
CELL = """
@torch.jit.script
class Memory{i}:
    def __init__(self, last: Tensor):
        self.last = last
"""
ACTIVATIONS = ("F.relu(y)", "F.leaky_relu(y, 0.2)", "torch.tanh(y)", "F.gelu(y)", "F.silu(y)", "F.elu(y)",
               "F.hardswish(y)", "F.relu6(y)", "F.softplus(y)", "torch.sigmoid(y) * 2", "F.mish(y)")
CLAMPS = ("clamp(-1, 1)", "clamp(0, 1)", "clamp(min=0)", "clamp(max=1)", "clamp(-0.5, 0.5)", "clip(0, 1)",
          "clamp(min=-0.3)", "clamp_min(0)", "clamp_max(0.4)", "clamp_(0.0, 0.3)", "clamp_(0, 1)")


class Item:
    def __init__(self, tag, init, forward, channels, helper="", script=False, stateful=False, random=False):
        self.tag, self.init, self.forward, self.channels = tag, init, forward, channels
        self.helper, self.script, self.stateful, self.random = helper, script, stateful, random


def lines(text):
    return [line for line in text.strip().split("\n") if line.strip()]


def noise(r, i, c):
    made = r.choice(("torch.rand_like(y)", "torch.randn_like(y)", "torch.rand(y.shape[0], 1, y.shape[2], y.shape[3])",
                     "F.dropout(torch.ones_like(y), 0.3, training=True)"))
    return Item("N10", "", f"y = y + 0.2 * {made}", c, random=True)


def conv(r, i, c):
    o, k = r.choice((8, 12, 16)), r.choice((1, 3, 3, 5))
    kind = r.choice(("plain", "plain", "dilated", "grouped", "depthwise", "same", "reflect", "strided", "transposed", "3d"))
    f = f"y = self.l{i}(y)"
    if kind == "dilated":
        m = f"nn.Conv2d({c}, {o}, 3, padding=2, dilation=2)"
    elif kind == "grouped":
        m = f"nn.Conv2d({c}, {o}, 3, padding=1, groups={2 if c % 2 == 0 else 1})"
    elif kind == "depthwise":
        m, o = f"nn.Conv2d({c}, {c}, 3, padding=1, groups={c})", c
    elif kind == "same":
        m = f"nn.Conv2d({c}, {o}, {k}, padding='same')"
    elif kind == "reflect":
        m = f"nn.Conv2d({c}, {o}, 3, padding=1, padding_mode='{r.choice(('reflect', 'replicate', 'circular'))}')"
    elif kind == "strided":
        m = f"nn.Conv2d({c}, {o}, 3, stride=2, padding=1)"
        f = f"h{i}, w{i} = y.shape[2], y.shape[3]\ny = F.interpolate(self.l{i}(y), size=(h{i}, w{i}), mode='bilinear', align_corners=False)"
    elif kind == "transposed":
        m = f"nn.ConvTranspose2d({c}, {o}, 4, stride=2, padding=1)"
        f = f"y = F.avg_pool2d(self.l{i}(y), 2)"
    elif kind == "3d":
        m = f"nn.Conv3d({c}, {o}, 3, padding=1)"
        f = f"y = self.l{i}(y.unsqueeze(2))[:, :, 0]"
    else:
        m = f"nn.Conv2d({c}, {o}, {k}, padding={k // 2}, bias={r.random() < .8})"
    tag = "N2" if kind == "same" else ""
    if r.random() < .6:
        f += "\ny = " + r.choice(ACTIVATIONS)
    return Item(tag, f"self.l{i} = {m}", f, o)


def clamped(r, i, c):
    init = f"self.l{i} = nn.Conv2d({c}, 8, 3, padding=1)\nself.m{i} = nn.Conv2d(8, 8, 3, padding=1)"
    bound = r.choice(CLAMPS)
    if "_(" in bound:
        return Item("N17", init, f"y = self.l{i}(y)\ny.{bound}\ny = self.m{i}(y)", 8)
    first = "F.relu(self.l%d(y))" % i if r.random() < .7 else f"self.l{i}(y)"
    return Item("N2", init, f"y = self.m{i}({first})\ny = y.{bound}", 8)


def norm(r, i, c):
    kind = r.choice(("batch", "batch_now", "batch_function", "group", "group", "instance", "instance_stats", "layer", "pixels"))
    o = 8 * r.choice((1, 2, 4))
    init, f = f"self.l{i} = nn.Conv2d({c}, {o}, 3, padding=1)\n", f"y = self.l{i}(y)\n"
    if kind == "batch_function":
        return Item("N5", init + f"self.register_buffer('a{i}', torch.zeros({o}))\nself.register_buffer('b{i}', torch.ones({o}))",
                    f + f"y = F.batch_norm(y, self.a{i}, self.b{i}, training=True, momentum=0.3)\ny = y + self.a{i}.view(1, -1, 1, 1)", o, stateful=True)
    if kind == "layer":
        init += f"self.n{i} = nn.LayerNorm({o})"
        f += f"y = self.n{i}(y.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)"
    elif kind == "pixels":
        f += "y = (y - y.mean(1, keepdim=True)) / torch.sqrt(y.var(1, keepdim=True, unbiased=False) + 1e-3)"
    else:
        m = {"batch": f"BatchNorm2d({o})", "batch_now": f"BatchNorm2d({o}, track_running_stats=False)",
             "group": f"GroupNorm({r.choice((1, 2, 4))}, {o})", "instance": f"InstanceNorm2d({o}, affine={r.random() < .5})",
             "instance_stats": f"InstanceNorm2d({o}, track_running_stats=True)"}[kind]
        init += f"self.n{i} = nn.{m}"
        f += f"y = self.n{i}(y)"
    return Item("N19" if kind in ("group", "pixels", "instance", "layer") else "", init, f, o)


def resize(r, i, c):
    m = r.choice(("nearest", "bilinear", "bicubic", "align", "shuffle", "size"))
    f = {"nearest": "y = F.avg_pool2d(F.interpolate(y, scale_factor=2.0), 2)",
         "bilinear": "y = F.max_pool2d(F.interpolate(y, scale_factor=2.0, mode='bilinear', align_corners=False), 2)",
         "bicubic": "y = F.avg_pool2d(F.interpolate(y, scale_factor=2.0, mode='bicubic', align_corners=False), 2)",
         "align": "y = F.avg_pool2d(F.interpolate(y, scale_factor=2.0, mode='bilinear', align_corners=True), 2)",
         "shuffle": "y = F.pixel_unshuffle(F.interpolate(y, scale_factor=2.0), 2)",
         "size": "y = F.interpolate(F.adaptive_avg_pool2d(y, (7, 5)), size=(y.shape[2], y.shape[3]), mode='bilinear', align_corners=True)"}[m]
    return Item("", "", f, 4 * c if m == "shuffle" else c)


def windows(r, i, c):
    o = 8
    init = (f"self.l{i} = nn.Conv2d({c}, {o}, 3, padding=1)\nself.q{i} = nn.Linear({o}, {3 * o})\n"
            f"self.register_buffer('i{i}', torch.randint(0, 9, (16, 16)))\nself.t{i} = nn.Parameter(torch.randn(9))\n"
            f"self.register_buffer('k{i}', torch.rand(16, 16) < 0.2)")
    constant = r.random() < .5
    mask = r.choice(("index", "mask", "none"))
    f = f"""
y = self.l{i}(y)
h{i}, w{i} = y.shape[2], y.shape[3]
y = F.pad(y, [0, (4 - w{i} % 4) % 4, 0, (4 - h{i} % 4) % 4], mode='replicate')
y = torch.roll(y, [{r.choice((0, 2))}, 1], [2, 3]).permute(0, 2, 3, 1)
n{i}, H{i}, W{i} = y.shape[0], y.shape[1], y.shape[2]
u{i} = y.reshape(n{i}, H{i} // 4, 4, W{i} // 4, 4, {o}).permute(0, 1, 3, 2, 4, 5).reshape(-1, 16, {o})
p{i} = self.q{i}(u{i}).chunk(3, dim=-1)
s{i} = torch.matmul(p{i}[0], p{i}[1].transpose(1, 2)) * 0.35
"""
    if mask == "index":
        f += f"s{i} = s{i} + self.t{i}[self.i{i}.view(-1)].view(16, 16)\n"
    elif mask == "mask":
        f += f"s{i} = s{i}.masked_fill(self.k{i}, -5.0)\n"
    f += f"u{i} = u{i} + torch.matmul(torch.softmax(s{i}, -1), p{i}[2])\n"
    if constant:        # as window_reverse() of SwinIR: the batch, a constant in a trace
        f += f"b{i} = int(u{i}.shape[0] / (H{i} * W{i} / 16))\n"
    b = f"b{i}" if constant else f"n{i}"
    f += (f"y = u{i}.view({b}, H{i} // 4, W{i} // 4, 4, 4, -1).permute(0, 1, 3, 2, 4, 5).reshape({b}, H{i}, W{i}, -1)\n"
          f"y = y.view(n{i}, H{i}, W{i}, {o})\n")
    f += f"y = y.permute(0, 3, 1, 2)[:, :, :h{i}, :w{i}]"
    return Item("N18" if constant else "N4" if mask != "none" else "", init, f, o)


def buffers(r, i, c):
    kind = r.choice(("index", "mask", "plane"))
    if kind == "index":
        return Item("N4", f"self.register_buffer('i{i}', torch.randperm({c}))", f"y = y + 0.5 * y[:, self.i{i}]", c)
    if kind == "mask":
        return Item("N4", f"self.register_buffer('k{i}', torch.rand({c}, 1, 1) < 0.3)", f"y = torch.where(self.k{i}, -y, y)", c)
    return Item("N4", f"self.register_buffer('i{i}', torch.arange({c}).flip(0))", f"y = y.index_select(1, self.i{i})", c)


def state(r, i, c):
    kind = r.choice(("buffer", "attribute", "list", "dict", "tuple", "class", "gru"))
    init = f"self.l{i} = nn.Conv2d({c}, 8, 3, padding=1)\n"
    f = f"y = self.l{i}(y)\n"
    one = "torch.zeros(1, 8, 1, 1)"
    if kind == "buffer":
        return Item("", init + f"self.register_buffer('s{i}', {one})", f + f"y = y + self.s{i}\nself.s{i}.copy_(y.mean([0, 2, 3], keepdim=True))", 8, stateful=True)
    if kind == "attribute":
        return Item("N6", init + f"self.s{i} = {one}", f + f"y = y + 0.5 * self.s{i}\nself.s{i} = y", 8, script=True, stateful=True)
    if kind == "gru":
        init += f"self.g{i} = nn.Conv2d(16, 16, 3, padding=1)\nself.k{i} = nn.Conv2d(16, 8, 3, padding=1)\nself.s{i} = {one}"
        f += f"""
m{i} = self.s{i}.expand_as(y)
z{i} = torch.sigmoid(self.g{i}(torch.cat([y, m{i}], 1)))
a{i}, r{i} = z{i}.chunk(2, dim=1)[0], z{i}.chunk(2, dim=1)[1]
y = (1 - a{i}) * m{i} + a{i} * torch.tanh(self.k{i}(torch.cat([y, r{i} * m{i}], 1)))
self.s{i} = y
"""
        return Item("N6", init, f, 8, script=True, stateful=True)
    where = {"list": ("[%s]", "List[Tensor]", "[0]"), "dict": ("{'a': %s}", "Dict[str, Tensor]", "['a']"),
             "tuple": ("(%s, 1)", "Tuple[Tensor, int]", "[0]"), "class": (f"Memory{i}(%s)", f"Memory{i}", ".last")}[kind]
    init += f"self.s{i}: {where[1]} = {where[0] % one}"
    f += f"y = y + self.s{i}{where[2]}\nself.s{i}{where[2]}.copy_(0.5 * y.mean([0, 2, 3], keepdim=True))"
    return Item("N5", init, f, 8, CELL.format(i=i) if kind == "class" else "", script=True, stateful=True)


def write(r, i, c):
    init = f"self.l{i} = nn.Conv2d({c}, 8, 3, padding=1)\nself.m{i} = nn.Conv2d(8, 8, 3, padding=1)"
    w = r.choice(("y[:, :4] *= 3.0", "y.chunk(2, dim=1)[0].mul_(-2)", "y[:, :, :5] = 0.7", "y[:, 2:6].add_(0.8)", "y[:, :, ::2].neg_()", "y[:, 1].fill_(0.5)"))
    return Item("N17", init, f"y = self.l{i}(y)\n{w}\ny = self.m{i}(y)", 8)


def view(r, i, c):
    init, f = f"self.l{i} = nn.Conv2d({c}, 8, 3, padding=1)", f"y = self.l{i}(y)\n"
    kind = r.choice(("linear", "flat", "strided", "transpose", "flip", "unfold"))
    if kind == "linear":
        init += f"\nself.f{i} = nn.Linear(128, 8)"
        f += f"u{i} = F.adaptive_avg_pool2d(y, 4)\ny = y * torch.sigmoid(self.f{i}(u{i}.view(u{i}.shape[0], -1))).view(-1, 8, 1, 1)"
    elif kind == "flat":
        f += "y = y - y.view(y.shape[0], 8, -1).mean(2).view(-1, 8, 1, 1)"
    elif kind == "strided":
        f += f"n{i}, h{i}, w{i} = y.shape[0], y.shape[2], y.shape[3]\ny = y.as_strided((n{i}, 8, h{i}, w{i}), (8 * h{i} * w{i}, h{i} * w{i}, w{i}, 1)) * 2"
    elif kind == "transpose":
        f += "y = torch.tanh(y.transpose(2, 3)).transpose(2, 3)"
    elif kind == "flip":
        f += "y = y + 0.5 * y.flip(3)"
    else:
        f += "y = y - F.unfold(y, 3, padding=1).view(y.shape[0], 8, 9, y.shape[2], y.shape[3]).mean(2)"
    return Item("N16" if kind in ("linear", "flat", "strided") else "", init, f, 8)


def other(r, i, c):
    kind = r.choice(("pad", "coordinates", "double", "double_y", "half", "loop", "branch", "slice", "residual", "normalize", "fft"))
    if kind == "loop":
        return Item("", "", f"for j{i} in range(3):\n    y = torch.tanh(y) + y * 0.1 * float(j{i})", c)
    if kind == "branch":
        return Item("", "", "if y.shape[2] > y.shape[3]:\n    y = y * 2\nelse:\n    y = y - 0.2", c)
    f, o = {"pad": (f"y = F.pad(y, [2, 1, 1, 2], mode='{r.choice(('constant', 'reflect', 'replicate'))}')[:, :, 1:-2, 2:-1]", c),
            "coordinates": ("y = torch.cat([y, torch.linspace(-1, 1, y.shape[3], device=y.device, dtype=y.dtype).view(1, 1, 1, -1).expand(y.shape[0], 1, y.shape[2], -1)], 1)", c + 1),
            "double": ("y = torch.sigmoid(y.double()).to(y.dtype) * 2", c), "double_y": ("y = torch.sin(y.double() * 2).float()", c),
            "half": ("y = y + (y.mean(1, keepdim=True) > 0).half().float() * 0.0", c),
            "slice": ("y = torch.cat([y[:, :, 1:], y[:, :, :1]], 2)", c), "residual": ("y = y + torch.tanh(y)", c),
            "normalize": ("y = (y - y.mean([2, 3], keepdim=True)) * 1.5", c),
            "fft": ("y = y + torch.fft.ifft2(torch.fft.fft2(y.float())).real.to(y.dtype)", c)}[kind]
    return Item("", "", f, o)


KINDS = 3 * ([conv] * 5 + [clamped] * 2 + [norm] * 3 + [resize, windows, windows, buffers, state, state, write, view, view, other, other]) + [noise]
ENDS = [("", "y")] * 5 + [("", "y.clamp(0, 1)"), ("", "y.clamp(min=0)"), ("", "torch.sigmoid(4 * y - 2)"), ("", "y.flip(3)"),
    ("", "y.transpose(2, 3).contiguous().transpose(2, 3)"), ("", "y.double()"), ("", "y.half()"), ("", "y[:, [2, 1, 0]]"),
    ("N7", "torch._neg_view(y - 1)"), ("N7", "torch.conj(torch.complex(y, -y)).imag"), ("", "F.pixel_shuffle(y, 2)")]


def entry(r, c, frames, time):
    """What is done with the input [N, c, H, W], or [N, T, c, H, W]: padding, other channels, casts …"""
    if time:
        conv3d = f"self.e = nn.Conv3d({c}, 8, 3, padding=1)"
        return r.choice((Item("", "", "y = x[:, 1] * 1.0", c), Item("", "", "y = x.flatten(1, 2)", c * frames),
                         Item("", "", "y = x.mean(1)", c), Item("", conv3d, "y = self.e(x.transpose(1, 2))[:, :, 1]", 8),
                         Item("", "", "y = torch.cat([x[:, 1], x[:, 0] - x[:, 2]], 1)", 2 * c),
                         Item("", f"self.e = nn.Conv2d({c}, 8, 3, padding=1)",
                              "y = self.e(x.view(-1, x.shape[2], x.shape[3], x.shape[4]))\n"
                              "y = y.view(x.shape[0], x.shape[1], 8, x.shape[3], x.shape[4]).amax(1)", 8)))
    plain = Item("", "", "y = x * 1.0", c)
    choices = [
        ("y = F.pad(x - 0.5, [0, 0, 0, 0, 0, 3], value=0.25)", c + 3), ("y = F.pad(x, [0, 0, 0, 0, 1, 0])", c + 1),
        ("y = torch.cat([x, x.mean(1, keepdim=True)], 1)", c + 1), ("y = torch.cat([x, 1 - x], 1)", 2 * c),
        ("y = torch.cat([x, torch.ones_like(x[:, :1]) * 0.3], 1)", c + 1), ("y = x.flip(1)", c),
        ("y = x.permute(0, 2, 3, 1).contiguous() * 1.5\ny = y.permute(0, 3, 1, 2)", c),
        ("y = (x - self.mean) / self.deviation", c), ("y = x.double().sqrt().float()", c), ("y = (x * 255.0 - 127.5) / 128.0", c),
        (f"y = x[:, :{(c + 1) // 2}] - 0.3", (c + 1) // 2), (f"y = x[:, {list(range(c))[::-1]}]", c),
        ("y = F.pixel_unshuffle(F.interpolate(x, scale_factor=2.0), 2)", 4 * c),
        (f"y = x.view(x.shape[0], {c}, 1, x.shape[2], x.shape[3]).transpose(1, 2).reshape(x.shape)", c),
        ("y = F.pad(x, [1, 1, 1, 1], mode='reflect')[:, :, 1:-1, 1:-1]", c)]
    if frames > 1:
        one = c // frames
        choices += [(f"y = x[:, {one}:{2 * one}] * 1.0", one), (f"y = x.view(x.shape[0], {frames}, {one}, x.shape[2], x.shape[3]).mean(1)", one),
                    (f"y = torch.cat([x[:, {one}:{2 * one}], x[:, :{one}] - x[:, {2 * one}:]], 1)", 2 * one)]
    f, o = r.choice(choices)
    init = (f"self.register_buffer('mean', torch.rand(1, {c}, 1, 1))\nself.register_buffer('deviation', 0.5 + torch.rand(1, {c}, 1, 1))"
            if "self.mean" in f else "")
    return plain if r.random() < .5 else Item("N9", init, f, o)


class Network:
    """@p seed makes it; @p keep are the items that stay, all by default"""

    def __init__(self, seed, keep=None):
        r = random.Random(f"network {seed}")
        self.seed, self.script = seed, r.random() < .5
        count, end = r.randint(1, 4), r.choice(ENDS)
        self.channels = r.choice((3, 3, 3, 3, 3, 1))    # of a frame
        self.frames = r.choice((1, 1, 1, 1, 1, 3))
        self.time = self.frames > 1 and r.random() < .6 # they have a dimension of their own
        self.stack = r.choice(("", ":stack=time" if self.time else ":stack=channels")) if self.frames > 1 else ""
        self.count, self.tags, self.stateful, self.random = count, [], False, False
        init, forward, helpers = [], [], ""
        c = self.channels * (1 if self.time else self.frames)
        for i in range(-1, count):
            own = random.Random(f"item {seed} {i}")
            if i == -1:
                whole = keep is None or "entry" in keep or self.time
                item = entry(own, c, self.frames, self.time) if whole else Item("", "", "y = x * 1.0", c)
            elif keep is not None and i not in keep:
                continue
            else:
                item = own.choice(KINDS)(own, i, c)
            c = item.channels
            init += lines(item.init)
            forward += lines(item.forward)
            helpers += item.helper
            self.script |= item.script
            self.stateful |= item.stateful
            self.random |= item.random
            if item.tag:
                self.tags.append(item.tag)
        if end[0] and (keep is None or "end" in keep):
            self.tags.append(end[0])
        last = end[1] if keep is None or "end" in keep else "y"
        if self.channels == 1 and "[2, 1, 0]" in last:
            last = "y.flip(2)"
        self.scale = 2 if "pixel_shuffle" in last else 1
        init.append(f"self.head = nn.Conv2d({c}, {self.channels * self.scale ** 2}, 3, padding=1)")
        forward.append("y = self.head(y)")
        if self.time and r.random() < .3:
            # a picture for each frame, of which the middle one counts
            forward += [f"y = {last}", "return torch.stack([y * 0.5, y, 1 - y], 1)"]
        else:
            forward.append(f"return {last}")
        self.source = (HEADER + helpers + "\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
                       + "".join(f"        {line}\n" for line in init)
                       + "\n    def forward(self, x: Tensor) -> Tensor:\n"
                       + "".join(f"        {line}\n" for line in forward))
