# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stand-ins for packages that the sources of networks import and that are not
installed, so that a network can be built without them. What a network computes with is
written out; all other names exist and do nothing."""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import itertools
import math
import os
import re
import sys
import types

import torch
from torch import nn

# nothing here is needed to run a network; searched last, so what is installed wins
STAND_INS = ("PIL", "av", "basicsr", "cv2", "einops", "fvcore", "imageio", "matplotlib", "mmcv", "nunif",
             "pytorch_ssim", "requests", "scipy", "skimage", "thop", "timm", "tqdm", "torchsummary", "torchvision")


class Nothing:
    """Anything that is imported and not used: a decorator, a base class, a constant."""

    def __init__(self, *args, **kwargs):
        pass

    def __call__(self, *args, **kwargs):
        return args[0] if len(args) == 1 and callable(args[0]) else Nothing()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing()

    def __mro_entries__(self, bases):
        return ()


class DropPath(nn.Identity):
    """dropped paths are for training"""

    def __init__(self, *args, **kwargs):
        super().__init__()


def to_2tuple(x):
    return tuple(x) if isinstance(x, (tuple, list)) else (x, x)


def trunc_normal_(tensor, mean=0.0, std=1.0, a=-2.0, b=2.0):
    return nn.init.trunc_normal_(tensor, mean, std, a, b)


def make_layer(block, count, **kwargs):
    return nn.Sequential(*(block(**kwargs) for _ in range(count)))


def pixel_unshuffle(x, scale):
    return nn.functional.pixel_unshuffle(x, scale)


class ResidualBlockNoBN(nn.Module):
    def __init__(self, num_feat=64, res_scale=1, pytorch_init=False):
        super().__init__()
        self.res_scale = res_scale
        self.conv1 = nn.Conv2d(num_feat, num_feat, 3, padding=1)
        self.conv2 = nn.Conv2d(num_feat, num_feat, 3, padding=1)

    def forward(self, x):
        return x + self.conv2(torch.relu(self.conv1(x))) * self.res_scale


class Upsample(nn.Sequential):
    def __init__(self, scale, num_feat):
        step = 3 if scale == 3 else 2
        steps = round(math.log(scale, step))
        super().__init__(*itertools.chain.from_iterable(
            (nn.Conv2d(num_feat, num_feat * step ** 2, 3, padding=1), nn.PixelShuffle(step)) for _ in range(steps)))


class LayerNorm2d(nn.Module):
    """a norm over the channels of each pixel"""

    def __init__(self, channels, eps=1e-6):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x):
        mean = x.mean(1, keepdim=True)
        variance = (x - mean).pow(2).mean(1, keepdim=True)
        y = (x - mean) / (variance + self.eps).sqrt()
        return self.weight.view(1, -1, 1, 1) * y + self.bias.view(1, -1, 1, 1)


def _axes(side):
    groups, inside = [], None
    for word in side.replace("(", " ( ").replace(")", " ) ").split():
        if word == "(":
            inside = []
        elif word == ")":
            groups.append(inside)
            inside = None
        elif inside is None:
            groups.append([word])
        else:
            inside.append(word)
    return groups


def rearrange(x, pattern, **sizes):
    """einops.rearrange() for patterns of names and brackets"""
    left, right = (_axes(side) for side in pattern.split("->"))
    known, shape = dict(sizes), []
    for group, length in zip(left, x.shape):
        unknown = [name for name in group if name not in known]
        for name in group:
            if name in known:
                length = length // known[name]
        for name in unknown:
            known[name] = length
        shape += [known[name] for name in group]
    order = list(itertools.chain.from_iterable(left))
    x = x.reshape(shape).permute([order.index(name) for name in itertools.chain.from_iterable(right)])
    return x.reshape([math.prod(int(known[name]) for name in group) for group in right])


def repeat(x, pattern, **sizes):
    """einops.repeat() where the new size is the last, inner one: 'a b -> a (b n)'"""
    return x.repeat_interleave(*sizes.values(), dim=-1)


class Rearrange(nn.Module):
    def __init__(self, pattern, **sizes):
        super().__init__()
        self.pattern, self.sizes = pattern, sizes

    def forward(self, x):
        return rearrange(x, self.pattern, **self.sizes)


class SEBlock(nn.Module):
    """squeeze and excitation"""

    def __init__(self, in_channels, reduction=8, bias=False):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, in_channels // reduction, 1, bias=bias)
        self.conv2 = nn.Conv2d(in_channels // reduction, in_channels, 1, bias=bias)

    def forward(self, x):
        return x * torch.sigmoid(self.conv2(torch.relu(self.conv1(nn.functional.adaptive_avg_pool2d(x, 1)))))


class I2IBaseModel(nn.Module):
    """nunif's base of networks from image to image: keeps the facts, adds no operation"""

    def __init__(self, *args, **kwargs):
        super().__init__()

    def register_tile_size_validator(self, *args):
        pass


def conditional_compile(*args, **kwargs):
    return lambda function: function


GIVEN = {name: value for name, value in globals().items()
         if name in ("DropPath", "I2IBaseModel", "LayerNorm2d", "Rearrange", "ResidualBlockNoBN", "SEBlock",
                     "Upsample", "conditional_compile", "make_layer", "pixel_unshuffle", "rearrange", "repeat", "to_2tuple",
                     "trunc_normal_")}


class StandIn(types.ModuleType):
    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return GIVEN.get(name, Nothing())


REAL = ("Blocks", "Upsamplers")     # modules of a network's own copy of basicsr that it computes with


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    root = "."

    def find_spec(self, name, path=None, target=None):
        file = os.path.join(self.root, *name.split(".")) + ".py"
        if name.split(".")[-1] in REAL and os.path.exists(file):
            return importlib.util.spec_from_file_location(name, file)
        if name.split(".")[0] not in STAND_INS:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return StandIn(spec.name)

    def exec_module(self, module):
        pass


def install(root):
    """@param root the repository of the network"""
    Finder.root = root
    sys.meta_path.append(Finder())


def import_source(root, paths, source):
    """@return the module of one source file, found by name below the first of the paths
            that it is in, else by its file; then relative imports find the files beside it"""
    path = os.path.join(root, source)
    for folder in paths:
        folder = os.path.normpath(os.path.join(root, folder)) + os.sep
        if path.startswith(folder):
            return importlib.import_module(path[len(folder):-len(".py")].replace(os.sep, "."))
    holder = types.ModuleType("network")
    holder.__path__ = [os.path.dirname(path)]
    sys.modules["network"] = holder
    name = "network." + os.path.splitext(os.path.basename(path))[0]
    module = importlib.util.module_from_spec(importlib.util.spec_from_file_location(name, path))
    sys.modules[name] = module
    with open(path) as file:
        text = re.sub(r"^(\s*)print ([^(].*)$", r"\1print(\2)", file.read().expandtabs(8), flags=re.M)   # Python 2
    exec(compile(text, path, "exec"), module.__dict__)
    return module
