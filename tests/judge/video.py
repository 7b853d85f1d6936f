# SPDX-License-Identifier: LGPL-2.1-or-later
"""Frames as NumPy sees them, and what ffmpeg makes of them."""

import os
import subprocess

import numpy
import torch

WIDTH, HEIGHT, FRAMES = 64, 48, 7


def frames(channels):
    """[FRAMES, H, W, C] bytes: shapes that move, noise, black and white"""
    random = numpy.random.RandomState(1)
    y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    video = numpy.empty((FRAMES, HEIGHT, WIDTH, channels), numpy.uint8)
    for n in range(FRAMES):
        for c in range(channels):
            wave = 127.5 + 127.5 * numpy.sin((x + 5 * n) / (3.0 + c) + y / 7.0)
            video[n, :, :, c] = wave + 0.5
        video[n, :12] = random.randint(0, 256, (12, WIDTH, channels))
        video[n, 20:24], video[n, 24:28] = 0, 255
    return video


def expected(net, video, window=1):
    """What the module makes of the frames, one after the other, or of those around each [1, T, C, H, W]."""
    results = []
    with torch.no_grad():
        for n in range(len(video)):
            around = [video[min(max(n + k - window // 2, 0), len(video) - 1)] for k in range(window)]
            x = torch.from_numpy(numpy.stack(around).astype(numpy.float32) / 255.0).permute(0, 3, 1, 2)
            x = x[None] if window > 1 else x
            y = net(x.contiguous())[0].permute(1, 2, 0).resolve_neg().numpy().astype(numpy.float64)
            results.append(numpy.clip(numpy.floor(y * 255.0 + 0.5), 0, 255).astype(numpy.uint8))
    return numpy.stack(results)


def run(ffmpeg, video, model, options, size):
    """@return (frames of this (H, W), messages); None for what is not whole"""
    channels = video.shape[3]
    format = "rgb24" if channels == 3 else "gray"
    command = [ffmpeg, "-nostdin", "-v", "error", "-f", "rawvideo", "-pixel_format", format,
               "-video_size", f"{video.shape[2]}x{video.shape[1]}", "-i", "pipe:0",
               "-vf", f"dnn_processing=dnn_backend=torch:model={model}{options}",
               "-f", "rawvideo", "pipe:1"]
    done = subprocess.run(command, input=video.tobytes(), capture_output=True, timeout=240)
    messages = done.stderr.decode(errors="replace").strip()
    data = numpy.frombuffer(done.stdout, numpy.uint8)
    whole = len(video) * size[0] * size[1] * channels
    if done.returncode or data.size != whole:
        return None, messages or f"{data.size} bytes instead of {whole}"
    return data.reshape(len(video), size[0], size[1], channels), messages


def apart(one, other):
    """@return by how many levels of 255 two videos differ at most"""
    return int(numpy.abs(one.astype(int) - other.astype(int)).max())


def model_path(folder, name):
    os.makedirs(folder, exist_ok=True)
    return os.path.join(folder, name)
