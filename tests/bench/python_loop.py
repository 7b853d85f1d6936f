# SPDX-License-Identifier: LGPL-2.1-or-later
"""The loop a user would write: rawvideo pipes from and to ffmpeg, and torch.

usage: python_loop.py FFMPEG NET.pt WIDTH HEIGHT SCALE FORMAT INPUT...
FORMAT is rgb24, or yuv420p for a network of the luma (whose output is then
encoded); INPUT are the options of ffmpeg that make the frames.
Prints frames/s, the first frames apart.
"""
import os
import subprocess
import sys
import time

import numpy
import torch

ffmpeg, path, width, height, scale, pix_fmt = sys.argv[1:7]
width, height, scale = int(width), int(height), int(scale)
net = torch.jit.load(path).eval()
torch.set_num_threads(len(os.sched_getaffinity(0)))


def to_tensor(plane):
    return torch.from_numpy(plane).permute(2, 0, 1).unsqueeze(0).float() / 255


def to_bytes(tensor):
    return (tensor[0] * 255).round().clamp(0, 255).byte().permute(1, 2, 0).contiguous().numpy().tobytes()


def rgb(data):
    frame = numpy.frombuffer(data, numpy.uint8).reshape(height, width, 3).copy()
    return to_bytes(net(to_tensor(frame)))


def luma(data):
    frame = numpy.frombuffer(data, numpy.uint8).copy()
    area = width * height
    out = to_bytes(net(to_tensor(frame[:area].reshape(height, width, 1))))
    for at in (area, area + area // 4):
        chroma = to_tensor(frame[at:at + area // 4].reshape(height // 2, width // 2, 1))
        out += to_bytes(torch.nn.functional.interpolate(chroma, scale_factor=scale, mode="bicubic"))
    return out


run, size, codec = (rgb, width * height * 3, []) if pix_fmt == "rgb24" else \
                   (luma, width * height * 3 // 2, ["-c:v", "mpeg4", "-q:v", "3"])
decode = subprocess.Popen(
    [ffmpeg, "-v", "error", "-nostdin"] + sys.argv[7:] +
    ["-f", "rawvideo", "-pix_fmt", pix_fmt, "-"], stdout=subprocess.PIPE)
encode = subprocess.Popen(
    [ffmpeg, "-v", "error", "-f", "rawvideo", "-pix_fmt", pix_fmt,
     "-s", f"{width * scale}x{height * scale}", "-i", "-"] + codec + ["-f", "null", "-"],
    stdin=subprocess.PIPE)

done = 0
with torch.inference_mode():
    while True:
        data = decode.stdout.read(size)
        if len(data) < size:
            break
        encode.stdin.write(run(data))
        done += 1
        if done == 3:
            start = time.monotonic()
encode.stdin.close()
encode.wait()
print((done - 3) / (time.monotonic() - start))
