# SPDX-License-Identifier: LGPL-2.1-or-later
"""Public networks in Python, for world.py.

world_loop.py export FOLDER OUT NAME    build a network of tests/networks, write OUT/*.pt and .raw, print JSON
world_loop.py eager FOLDER OUT NAME     loop around the module
world_loop.py script NET.pt RAW WIDTH HEIGHT CHANNELS FRAMES    loop around the TorchScript file

The loops print frame=N until they are killed. One makes a tensor of a frame's bytes,
runs the network and makes bytes of its output, in as many threads as torch takes.
"""
import json
import os
import sys
import warnings

import numpy
import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "networks"))
warnings.simplefilter("ignore")


def build(folder, out, name, export):
    import run
    import recipes
    run.KEEP = os.path.abspath(out)
    return run.Network(recipes.NETWORKS[name], os.path.abspath(folder), export)


def export(folder, out, name):
    net = build(folder, out, name, True)
    recipe = net.recipe
    print("\nRESULT " + json.dumps({
        "file": net.path, "raw": net.raw, "width": recipe.size[0], "height": recipe.size[1], "channels": recipe.channels,
        "frames": recipe.frames, "options": recipe.options, "what": recipe.what, "threads": torch.get_num_threads()}))


def loop(step):
    done = 0
    with torch.inference_mode():
        while True:
            step(done)
            done += 1
            print(f"frame={done}", flush=True)


def eager(folder, out, name):
    net = build(folder, out, name, False)
    inputs = [x.clone() for x in net.inputs]

    def step(n):
        n %= len(inputs)
        x = net.tensor(n) if net.recipe.frames == 1 else inputs[n]
        net.bytes(net.module(x)).tobytes()
    loop(step)


def script(path, raw, width, height, channels, frames):
    net = torch.jit.load(path).eval()
    video = numpy.fromfile(raw, numpy.uint8).reshape(-1, int(height), int(width), int(channels))

    def tensor(n):
        return torch.from_numpy(video[n % len(video)].copy()).permute(2, 0, 1)[None].float() / 255

    def step(n):
        x = torch.cat([tensor(n + i) for i in range(int(frames))], 1)
        y = net(x)[0]
        (y.permute(1, 2, 0) * 255).round().clamp(0, 255).byte().contiguous().numpy().tobytes()
    loop(step)


if __name__ == "__main__":
    {"export": export, "eager": eager, "script": script}[sys.argv[1]](*sys.argv[2:])
