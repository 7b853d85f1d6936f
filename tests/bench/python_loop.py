# SPDX-License-Identifier: LGPL-2.1-or-later
"""The loop a user would write: rawvideo pipes from and to ffmpeg, and torch.

usage: python_loop.py FFMPEG NET.pt WIDTH HEIGHT SCALE SOURCE_FILTERS
Prints frames/s, the first frames apart.
"""
import os
import subprocess
import sys
import time

import numpy
import torch

ffmpeg, path, width, height, scale, source = sys.argv[1:]
width, height, scale = int(width), int(height), int(scale)
net = torch.jit.load(path).eval()
torch.set_num_threads(len(os.sched_getaffinity(0)))

decode = subprocess.Popen(
    [ffmpeg, "-v", "error", "-f", "lavfi", "-i", source,
     "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], stdout=subprocess.PIPE)
encode = subprocess.Popen(
    [ffmpeg, "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24",
     "-s", f"{width * scale}x{height * scale}", "-i", "-", "-f", "null", "-"],
    stdin=subprocess.PIPE)

size = width * height * 3
done = 0
with torch.inference_mode():
    while True:
        data = decode.stdout.read(size)
        if len(data) < size:
            break
        frame = torch.from_numpy(numpy.frombuffer(data, numpy.uint8).reshape(height, width, 3).copy())
        x = frame.permute(2, 0, 1).unsqueeze(0).float() / 255
        y = net(x)
        out = (y[0] * 255).round().clamp(0, 255).byte().permute(1, 2, 0).contiguous()
        encode.stdin.write(out.numpy().tobytes())
        done += 1
        if done == 3:
            start = time.monotonic()
encode.stdin.close()
encode.wait()
print((done - 3) / (time.monotonic() - start))
