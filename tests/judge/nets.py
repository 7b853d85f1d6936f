# SPDX-License-Identifier: LGPL-2.1-or-later
"""Networks of the kinds that people run on pictures, small and with random
weights. Each takes and returns [N, C, H, W] with samples from 0 to 1."""

import torch
from torch import nn
from torch.nn import functional as F


def conv(inputs, outputs, kernel=3, **options):
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, **options)


class ESPCN(nn.Module):
    """sub-pixel convolution (Shi et al. 2016), twice the size"""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(conv(3, 32, 5), nn.Tanh(), conv(32, 16), nn.Tanh(), conv(16, 12))

    def forward(self, x):
        return F.pixel_shuffle(0.5 + self.body(x), 2)


class SRCNN(nn.Module):
    """three convolutions on a picture that bicubic made larger (Dong et al. 2014)"""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(conv(3, 32, 9), nn.ReLU(), conv(32, 16, 1), nn.ReLU(), conv(16, 3, 5))

    def forward(self, x):
        large = F.interpolate(x, scale_factor=2.0, mode="bicubic", align_corners=False)
        return large + self.body(large)


class DnCNN(nn.Module):
    """the noise, taken off (Zhang et al. 2017)"""

    def __init__(self):
        super().__init__()
        layers = [conv(1, 24), nn.ReLU()]
        for _ in range(4):
            layers += [conv(24, 24, bias=False), nn.BatchNorm2d(24), nn.ReLU()]
        self.body = nn.Sequential(*layers, conv(24, 1))

    def forward(self, x):
        return x - self.body(x)


class DenseBlock(nn.Module):
    """each layer sees all before it, as in ESRGAN (Wang et al. 2018)"""

    def __init__(self, width=16, growth=8):
        super().__init__()
        self.layers = nn.ModuleList([conv(width + i * growth, growth) for i in range(4)])
        self.last = conv(width + 4 * growth, width)

    def forward(self, x):
        seen = x
        for layer in self.layers:
            seen = torch.cat([seen, F.leaky_relu(layer(seen), 0.2)], 1)
        return x + 0.2 * self.last(seen)


class RRDB(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = conv(3, 16)
        self.blocks = nn.Sequential(DenseBlock(), DenseBlock())
        self.last = conv(16, 3)

    def forward(self, x):
        first = self.first(x)
        return x + self.last(F.leaky_relu(first + self.blocks(first), 0.2))


class UNet(nn.Module):
    """down and up again, with bridges (Ronneberger et al. 2015)"""

    def __init__(self):
        super().__init__()
        self.down1, self.down2, self.bottom = conv(3, 12), conv(12, 24), conv(24, 24)
        self.up2, self.up1 = conv(48, 12), conv(24, 12)
        self.last = conv(12, 3, 1)

    def forward(self, x):
        one = F.relu(self.down1(x))
        two = F.relu(self.down2(F.max_pool2d(one, 2)))
        low = F.relu(self.bottom(F.avg_pool2d(two, 2)))
        two = F.relu(self.up2(torch.cat([F.interpolate(low, scale_factor=2.0, mode="nearest"), two], 1)))
        one = F.relu(self.up1(torch.cat([F.interpolate(two, scale_factor=2.0, mode="nearest"), one], 1)))
        return x + self.last(one)


class Compact(nn.Module):
    """plain convolutions with PReLU, then four times the size, like the small
    models of Real-ESRGAN"""

    def __init__(self):
        super().__init__()
        layers = [conv(3, 24), nn.PReLU(24)]
        for _ in range(4):
            layers += [conv(24, 24), nn.PReLU(24)]
        self.body = nn.Sequential(*layers, conv(24, 48), nn.PixelShuffle(4))

    def forward(self, x):
        return F.interpolate(x, scale_factor=4.0, mode="nearest") + self.body(x)


class Separable(nn.Module):
    """depthwise convolutions, as in MobileNet"""

    def __init__(self):
        super().__init__()
        self.first = conv(3, 24)
        self.body = nn.Sequential(conv(24, 24, groups=24), nn.ReLU6(), conv(24, 24, 1),
                                  conv(24, 24, 5, groups=24), nn.Hardswish(), conv(24, 3, 1))

    def forward(self, x):
        return x + self.body(self.first(x))


class Grouped(nn.Module):
    """grouped convolutions, with channels shuffled between"""

    def __init__(self):
        super().__init__()
        self.first = conv(3, 24)
        self.one, self.two = conv(24, 24, groups=4), conv(24, 24, groups=3, dilation=1)
        self.last = conv(24, 3)

    def forward(self, x):
        y = F.gelu(self.one(self.first(x)))
        n, c, h, w = y.shape
        y = y.view(n, 4, c // 4, h, w).transpose(1, 2).reshape(n, c, h, w)
        return x + self.last(F.silu(self.two(y)))


class BatchNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(conv(3, 16), nn.BatchNorm2d(16), nn.ReLU(),
                                  conv(16, 16), nn.BatchNorm2d(16), nn.ELU(), conv(16, 3), nn.Sigmoid())

    def forward(self, x):
        return self.body(x)


class InstanceNorm(nn.Module):
    """as networks that transfer a style have it: each picture by its own statistics"""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.ReflectionPad2d(4), nn.Conv2d(3, 16, 9),
                                  nn.InstanceNorm2d(16, affine=True), nn.ReLU(),
                                  conv(16, 16), nn.InstanceNorm2d(16), nn.ReLU(), conv(16, 3), nn.Sigmoid())

    def forward(self, x):
        return self.body(x)


class Attention(nn.Module):
    """every place looks at every other, at an eighth of the size"""

    def __init__(self):
        super().__init__()
        self.tokens = nn.Conv2d(3, 16, 8, stride=8)
        self.qkv = conv(16, 48, 1)
        self.norm = nn.LayerNorm(16)
        self.out = conv(16, 192, 1)

    def forward(self, x):
        t = self.tokens(x)
        n, c, h, w = t.shape
        q, k, v = self.qkv(t).flatten(2).transpose(1, 2).chunk(3, 2)
        seen = torch.softmax(q @ k.transpose(1, 2) / 4.0, 2) @ v
        seen = self.norm(seen).transpose(1, 2).reshape(n, c, h, w)
        return x + F.pixel_shuffle(self.out(seen), 8)


class Transposed(nn.Module):
    """twice the size by a transposed convolution, as in FSRCNN"""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(conv(3, 16, 5), nn.PReLU(), conv(16, 16), nn.PReLU())
        self.up = nn.ConvTranspose2d(16, 3, 8, stride=2, padding=3)

    def forward(self, x):
        return 0.5 + self.up(self.body(x))


class Interpolate(nn.Module):
    """half the size, processed, and back to one and a half: bilinear and bicubic"""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(conv(3, 16), nn.ReLU(), conv(16, 3))

    def forward(self, x):
        small = F.interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=False)
        return F.interpolate(small + self.body(small), scale_factor=3.0, mode="bicubic", align_corners=False)


class Recurrent(nn.Module):
    """remembers what it made of the frame before"""

    def __init__(self):
        super().__init__()
        self.register_buffer("state", torch.zeros(1, 8, 1, 1))
        self.take = conv(3, 8)
        self.mix = conv(16, 8)
        self.give = conv(8, 3)

    def forward(self, x):
        now = F.relu(self.take(x))
        before = self.state.expand(now.size(0), 8, now.size(2), now.size(3))
        after = torch.tanh(self.mix(torch.cat([now, before], 1)))
        self.state = after
        return x + self.give(after)


# name: class, channels
NETS = {
    "espcn": (ESPCN, 3), "srcnn": (SRCNN, 3), "dncnn": (DnCNN, 1), "dense": (RRDB, 3),
    "unet": (UNet, 3), "compact": (Compact, 3), "depthwise": (Separable, 3),
    "grouped": (Grouped, 3), "batchnorm": (BatchNorm, 3), "instancenorm": (InstanceNorm, 3),
    "attention": (Attention, 3), "transposed": (Transposed, 3), "interpolate": (Interpolate, 3),
    "recurrent": (Recurrent, 3),
}


def make(name):
    """The network, ready to run, the same at every call."""
    torch.manual_seed(sum(name.encode()))
    net = NETS[name][0]()
    for module in net.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.InstanceNorm2d, nn.LayerNorm)):
            if module.weight is not None:
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.uniform_(module.bias, -0.3, 0.3)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return net.eval()
