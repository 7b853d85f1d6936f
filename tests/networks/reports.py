#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""reports.py FFMPEG [NAME ...]

What people reported of TorchScript files that gave other results in C++, optimized or
channels last, each as a network of our own of the same kind: prints the largest
difference between ffmpeg and Python (eager), of 255, or what ffmpeg says. The names are
those of public issues, PROJECT#NUMBER."""

import os
import re
import subprocess
import sys
import tempfile
import warnings

import numpy
import torch
from torch import nn
from torch.nn import functional as F

REPORTS = {}


def report(name, script=False, channels=3, after=None, options=""):
    """@param after makes the file of the exported module: (module, path)"""
    def add(network):
        REPORTS[name] = network, script, channels, after, options
        return network
    return add


@report("pytorch#86527", channels=3)
class ClipAndFloor(nn.Module):
    """clip of a convolution whose result is used once more"""

    def __init__(self):
        super().__init__()
        self.const = torch.rand(1, 3, 1, 1)
        self.conv = nn.Conv2d(3, 3, (1, 3), padding=(0, 1))

    def forward(self, x):
        y = self.conv(x * self.const) * 3
        z = self.conv(x)
        return (torch.clip(z, -0.1, 0.2) + torch.floor(z * 8) / 8 + y) / 3


@report("pytorch#86556", channels=1)
class MaxAndClip(nn.Module):
    """the same with max()"""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=2, dilation=2)

    def forward(self, x):
        y = self.conv(x)
        return torch.max(y, x) * 0.5 + torch.clip(y, -0.2, 0.1)


@report("pytorch#61223")
class OneDimension(nn.Module):
    """a batch norm of vectors in channel attention"""

    def __init__(self):
        super().__init__()
        self.conv, self.linear, self.norm = nn.Conv2d(3, 3, 3, padding=1), nn.Linear(3, 3), nn.BatchNorm1d(3)

    def forward(self, x):
        y = self.conv(x)
        return y * torch.sigmoid(self.norm(self.linear(y.mean((2, 3)))))[:, :, None, None] + 0.3


@report("pytorch#82060", channels=1)
class OneChannel(nn.Module):
    """a convolution of one channel, channels last"""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 64, 3, padding=1, bias=False), nn.ReLU(), nn.Conv2d(64, 1, 3, padding=1))

    def forward(self, x):
        return self.body(x) + 0.5


@report("pytorch#99519", channels=1)
class Transposed(nn.Module):
    """a transposed convolution of one channel, channels last"""

    def __init__(self):
        super().__init__()
        self.up, self.down = nn.ConvTranspose2d(1, 2, 5), nn.Conv2d(2, 1, 3)

    def forward(self, x):
        return self.down(self.up(x)) + 0.5


@report("pytorch#108432")
class WritesInput(nn.Module):
    """writes into its input"""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        x.mul_(0.5)
        return x.add_(0.1) + self.conv(x) * 0.2


@report("pytorch-image-models#1673", options=":batch_size=3")
class Windows(nn.Module):
    """window attention whose trace holds the batch and the size as constants"""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3 * 64, 3 * 64)

    def forward(self, x):
        n, c, h, w = x.shape
        windows = x.view(n, c, h // 8, 8, w // 8, 8).permute(0, 2, 4, 1, 3, 5).reshape(-1, c * 64)
        count = int(windows.shape[0] / (h * w / 64))
        windows = torch.softmax(self.linear(windows), -1) * 40
        return windows.view(count, h // 8, w // 8, c, 8, 8).permute(0, 3, 1, 4, 2, 5).reshape(count, c, h, w)


@report("tch-rs#607", channels=1)
class Compact(nn.Module):
    """super-resolution of the luma with PReLU of each channel and pixel shuffle"""

    def __init__(self):
        super().__init__()
        sizes = [1, 32, 28, 20, 16]
        layers = [[nn.Conv2d(a, b, 3, padding=1), nn.PReLU(b)] for a, b in zip(sizes, sizes[1:])]
        self.body = nn.Sequential(*sum(layers, [])[:-1], nn.PixelShuffle(4))

    def forward(self, x):
        return self.body(x) + 0.5


def as_half(module, path):
    torch.jit.script(module.half()).save(path)
    module.float()


@report("YOLOv6#597", script=True, after=as_half)
class Half(nn.Module):
    """a file in half precision on a CPU"""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.SiLU(), nn.Conv2d(16, 3, 3, padding=1))

    def forward(self, x):
        return self.body(x) + 0.5


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Dropout(0.5),
                                  nn.Conv2d(16, 3, 3, padding=1))

    def forward(self, x):
        return self.body(x) + 0.5


@report("pytorch#69608", after=lambda m, path: torch.jit.optimize_for_inference(torch.jit.script(m)).save(path))
class SavedOptimized(Plain):
    """a file that was optimized for inference before it was saved"""


@report("pytorch#58237", after=lambda m, path: torch.jit.freeze(torch.jit.script(m)).save(path))
class SavedFrozen(Plain):
    """a frozen file"""


@report("pytorch#68582", after=lambda m, path: (torch.jit.script(m.train()).save(path), m.eval()))
class SavedTraining(Plain):
    """a file that was saved without eval()"""


def for_mobile(module, path):
    from torch.utils.mobile_optimizer import optimize_for_mobile
    optimize_for_mobile(torch.jit.script(module))._save_for_lite_interpreter(path)


@report("pytorch#116515", after=for_mobile)
class Mobile(Plain):
    """a file for the lite interpreter of phones"""


def quantized(module, path):
    module.qconfig = torch.quantization.get_default_qconfig(torch.backends.quantized.engine)
    torch.quantization.prepare(module, inplace=True)
    module(make_video(3)[1][0])
    torch.quantization.convert(module, inplace=True)
    torch.jit.script(module).save(path)


@report("ios-demo-app, mobilenet_quantized.pt", after=quantized)
class Quantized(nn.Module):
    """integers of 8 bits between a quantizing and a dequantizing layer"""

    def __init__(self):
        super().__init__()
        self.quant, self.dequant = torch.quantization.QuantStub(), torch.quantization.DeQuantStub()
        self.body = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 3, 3, padding=1))

    def forward(self, x):
        return self.dequant(self.body(self.quant(x))) + 0.5


@report("pytorch#68430")
class Resized(nn.Module):
    """resizing in a dimension less, with antialiasing"""

    def forward(self, x):
        y = F.interpolate(x[0][None], scale_factor=2.0, mode="bilinear", align_corners=False)[0][None]
        return F.interpolate(y, scale_factor=0.5, mode="bicubic", align_corners=False, antialias=True)


@report("gen-efficientnet-pytorch#47")
class Same(nn.Module):
    """padding that a trace computes for the size that it saw: another size, against the file in Python"""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 12, 3, stride=2)

    def forward(self, x):
        h, w = x.shape[2:]
        pad_h, pad_w = max((-(-h // 2) - 1) * 2 + 3 - h, 0), max((-(-w // 2) - 1) * 2 + 3 - w, 0)
        y = self.conv(F.pad(x, [pad_w // 2, pad_w - pad_w // 2, pad_h // 2, pad_h - pad_h // 2]))
        return torch.pixel_shuffle(y, 2) + 0.5


def make_video(channels, width=96, height=64):
    """@return (bytes [N, H, W, C], inputs [1, C, H, W])"""
    video = numpy.random.RandomState(2).randint(0, 256, (4, height // 4, width // 4, channels), numpy.uint8)
    video = video.repeat(4, 1).repeat(4, 2)
    video[:, ::3] //= 2
    return video, [torch.from_numpy(frame.copy()).permute(2, 0, 1)[None].float() / 255 for frame in video]


def compare(ffmpeg, name, folder):
    network, script, channels, after, options = REPORTS[name]
    torch.manual_seed(1)
    module = network().eval().requires_grad_(False)
    video, inputs = make_video(channels)
    path = os.path.join(folder, "net.pt")
    if after:
        after(module, path)
    else:
        (torch.jit.script(module) if script else torch.jit.trace(module, inputs[0].clone())).save(path)
    if name == "gen-efficientnet-pytorch#47":
        video, inputs = make_video(channels, 76, 52)
        module = torch.jit.load(path)
    truth = [(module(x.clone())[0].permute(1, 2, 0) * 255).round().clamp(0, 255).byte().numpy() for x in inputs]
    done = subprocess.run(
        [ffmpeg, "-nostdin", "-v", "verbose", "-f", "rawvideo", "-pixel_format", "rgb24" if channels == 3 else "gray",
         "-video_size", f"{video.shape[2]}x{video.shape[1]}", "-i", "-", "-vf",
         f"dnn_processing=dnn_backend=torch:model={path}{options}", "-f", "rawvideo", "-"],
        input=video.tobytes(), capture_output=True)
    said = [re.sub(r"^\[[^]]*\] ", "", line).replace(path, "NET").replace("NET: ", "")
            for line in done.stderr.decode(errors="replace").splitlines() if line.startswith("[Parsed_dnn")]
    said = "; ".join(line for line in said if "frames=" not in line)
    got, truth = numpy.frombuffer(done.stdout, numpy.uint8), numpy.stack(truth)
    if done.returncode or got.size != truth.size:
        return f"refused: {said}"
    return f"{abs(got.reshape(truth.shape).astype(int) - truth).max()} of 255 (picture {truth.std():.0f}); {said}"


def main():
    warnings.simplefilter("ignore")
    torch.set_grad_enabled(False)
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[2:] or REPORTS:
            try:
                result = compare(os.path.abspath(sys.argv[1]), name, folder)
            except Exception as e:
                result = f"Python: {str(e).strip().splitlines()[0]}"
            print(f"{name}, {REPORTS[name][0].__doc__}: {result}", flush=True)


if __name__ == "__main__":
    main()
