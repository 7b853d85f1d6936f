#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""run.py FOLDER FFMPEG RESULTS.json [NAME ...] [--only picture,speed,memory] [--forms] [--options :a=b]

Builds the networks of recipes.py from the repositories in FOLDER (see fetch), exports
them and adds to RESULTS.json for each

  picture  the largest difference between ffmpeg and Python (eager, fp32), of 255: by
           default, with precision=bf16 and with batch_size=3
  speed    frames/s and CPU time a frame of ffmpeg by default and of Python loops
           around the module and around the TorchScript file (with the threads that
           torch takes by itself), in turn, medians
  memory   the peak of ffmpeg and of a program that only loads and runs the file

--forms adds frames/s for each optimize and memory_format that can be set. The files
stay in /tmp/networks. Needs Debian's python3-torch, python3-numpy, time and libtorch-dev."""

import argparse
import copy
import json
import os
import re
import statistics
import subprocess
import sys
import time
import warnings

import numpy
import torch

import recipes
import shims

HERE = os.path.dirname(os.path.abspath(__file__))
KEEP = "/tmp/networks"
FRAMES = 4      # of the video; with batch_size=3 the last batch is a smaller one
ROUNDS = 3
VARIANTS = {"fp32": "", "bf16": ":precision=bf16", "batch": ":batch_size=3"}
FORMS = [f":optimize={o}:memory_format={m}" for o in ("none", "freeze", "inference", "fuse")
         for m in ("contiguous", "channels_last")] + [":workers=1", ":workers=2:threads=1"]


def make_video(size, channels):
    """@return [count, H, W, C] bytes: a moving scene with edges, texture, grain, black and white

    Not white noise: trained networks make values of thousands of it, where last bits
    decide about the picture, also between one and two threads in Python."""
    width, height = size
    noise = numpy.random.RandomState(1)
    y, x = numpy.mgrid[0:height, 0:width]
    video = numpy.empty((FRAMES, height, width, channels), numpy.uint8)
    for n in range(FRAMES):
        for c in range(channels):
            waves = numpy.sin((x + 3 * n) / (11.0 + 5 * c) + y / 23.0)
            video[n, :, :, c] = 88 + 80 * waves + 80 * (((x + 2 * n) // 24 + y // 18) % 2)
        grain = noise.randint(-16, 17, (height // 4, width, channels))
        video[n, :height // 4] = (video[n, :height // 4] + grain).clip(0, 255)
        video[n, height // 2:height // 2 + 4] = 0
        video[n, height // 2 + 4:height // 2 + 8] = 255
    return video


class Fit(torch.nn.Module):
    """brings the values of what is no picture to 0..1"""

    def __init__(self, net, gain: float, offset: float):
        super().__init__()
        self.net, self.gain, self.offset = net, gain, offset

    def forward(self, x):
        return self.net(x) * self.gain + self.offset


class Wrapped(torch.nn.Module):
    def __init__(self, net, wrap):
        super().__init__()
        self.net, self.wrap = net, wrap

    def forward(self, x):
        return self.wrap(self.net, x)


class Network:
    """one recipe, built: module, TorchScript file, video, inputs"""

    def __init__(self, recipe, folder, export=True):
        self.recipe = recipe
        self.colours = -1 if "color=bgr" in recipe.options else 1
        self.path = os.path.join(KEEP, re.sub("[^A-Za-z0-9]+", "-", recipe.name).strip("-") + ".pt")
        self.raw = self.path[:-3] + ".raw"
        self.video = make_video(recipe.size, recipe.channels)
        if export:
            self.video.tofile(self.raw)
        near = range(-(recipe.frames // 2), recipe.frames // 2 + 1)
        self.inputs = [torch.cat([self.tensor(min(max(n + d, 0), FRAMES - 1)) for d in near], 1) for n in range(FRAMES)]
        self.module = self.fitted(self.wrapped(self.load(folder)))
        if not export:
            return
        if recipe.script:
            script = torch.jit.script(copy.deepcopy(self.module))
        else:
            script = torch.jit.trace(copy.deepcopy(self.module), self.inputs[0].clone(), check_trace=False)
        script.save(self.path)

    def tensor(self, n):
        """what the network gets of a frame, as a user would write it"""
        frame = torch.from_numpy(self.video[n, ..., ::self.colours].copy())
        return (frame.permute(2, 0, 1)[None].float() - self.recipe.mean) / self.recipe.scale

    def bytes(self, y):
        y = (y[0].permute(1, 2, 0) * (255 / self.recipe.range)).round().clamp(0, 255)
        return y.byte().contiguous().numpy()[..., ::self.colours]

    def load(self, folder):
        recipe = self.recipe
        root = os.path.join(folder, recipe.repository.replace("/", "__"))
        os.chdir(root)
        shims.install(root)
        sys.path[:0] = [os.path.join(root, p) for p in recipe.paths]
        load = torch.load
        torch.load = lambda *a, **k: load(*a, **dict(k, map_location="cpu"))
        torch.manual_seed(1)
        net = recipe.make(shims.import_source(root, recipe.paths, recipe.source))
        if recipe.checkpoint:
            state = torch.load(recipe.checkpoint)
            for key in ("params_ema", "params", "state_dict", "model_state_dict", "model", "net"):
                if isinstance(state, dict) and isinstance(state.get(key), dict):
                    state = state[key]
            net.load_state_dict({re.sub("^module[.]", "", k): v for k, v in state.items()})
        return net

    def wrapped(self, net):
        wrap = self.recipe.wrap
        if isinstance(wrap, type):
            net = wrap(net)
        elif wrap:
            net = Wrapped(net, wrap)
        if not self.recipe.trained:
            self.calibrate(net)
        return net.eval().requires_grad_(False)

    def calibrate(self, net):
        """weights that were never trained: the statistics of norms as training would leave them"""
        norms = [m for m in net.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
        for m in norms:
            m.reset_running_stats()
            m.momentum = None
            m.train()
        try:
            with torch.no_grad():
                net(self.inputs[0])
        except ValueError:      # a norm over a single value
            for m in norms:
                m.reset_running_stats()

    def fitted(self, net):
        if self.recipe.trained and not self.recipe.fit:
            return net
        with torch.no_grad():
            y = copy.deepcopy(net)(self.inputs[0].clone()).flatten()
        low, high = y.sort().values[[len(y) // 50, -len(y) // 50 - 1]].tolist()
        gain = 0.8 / max(high - low, 1e-6)
        return Fit(net, gain, 0.1 - low * gain).eval()


def run(ffmpeg, net, options, frames, output):
    """@return (exit code, bytes, lines about the network, peak of memory in KiB, seconds of CPU time, all messages)"""
    loops = str((frames - 1) // FRAMES)
    width, height = net.recipe.size
    done = subprocess.run(
        ["/usr/bin/time", "-f", "TIME %M %U %S", ffmpeg, "-nostdin", "-v", "verbose", "-stream_loop", loops, "-f", "rawvideo",
         "-pixel_format", "rgb24" if net.recipe.channels == 3 else "gray", "-video_size", f"{width}x{height}", "-i", net.raw,
         "-vf", f"dnn_processing=dnn_backend=torch:model={net.path}{net.recipe.options}{options}", "-frames:v", str(frames)]
        + output, capture_output=True)
    text = done.stderr.decode(errors="replace")
    memory, user, system = re.findall(r"^TIME (\d+) (\S+) (\S+)$", text, re.M)[-1]
    lines = [re.sub(r"^\[[^]]*\] ", "", line) for line in text.splitlines() if line.startswith("[Parsed_dnn")]
    lines = [line.replace(net.path, "NET").replace("NET: ", "") for line in lines]
    return done.returncode, done.stdout, lines, int(memory), float(user) + float(system), text


def picture(ffmpeg, net, extra, result):
    module = copy.deepcopy(net.module)
    with torch.no_grad():
        truth = numpy.stack([net.bytes(module(x.clone())) for x in net.inputs])
    result["contrast"] = round(float(truth.std()), 1)
    result["output"] = [truth.shape[2], truth.shape[1]]
    for key, options in VARIANTS.items():
        code, data, lines, _, _, _ = run(ffmpeg, net, options + extra, FRAMES, ["-f", "rawvideo", "-"])
        got = numpy.frombuffer(data, numpy.uint8)
        if code or got.size != truth.size:
            difference = f"exit code {code}, {got.size} bytes of {truth.size}"
        else:
            apart = numpy.abs(got.reshape(truth.shape).astype(int) - truth)
            difference = int(apart.max())
            result[key + "_mean"] = round(float(apart.mean()), 3)
        result[key] = difference
        result[key + "_said"] = [line for line in lines if "frames=" not in line and "conversion" not in line]


def frames_per_second(ffmpeg, net, options, count):
    """@return (frames/s, CPU time, form)"""
    code, _, lines, _, cpu, text = run(ffmpeg, net, options, count, ["-f", "null", "-"])
    found = re.findall(r"frames=\d+ fps=([\d.]+)", text)
    form = [line[9:] for line in lines if line.startswith("NET runs ")]
    return (0, cpu, "refused") if code or not found else (float(found[-1]), cpu, form[-1] if form else "")


def python_loop(module, net, seconds):
    """@return (frames/s, CPU time a frame) of the loop that one would write around a module"""
    count, start, cpu = 0, time.perf_counter(), time.process_time()
    with torch.no_grad():
        while time.perf_counter() - start < seconds or count < 2:
            n = count % FRAMES
            net.bytes(module(net.tensor(n) if net.recipe.frames == 1 else net.inputs[n])).tobytes()
            count += 1
    return count / (time.perf_counter() - start), (time.process_time() - cpu) / count


def speed(ffmpeg, net, extra, result, forms):
    loops = {"eager": copy.deepcopy(net.module), "script": torch.jit.load(net.path)}
    for module in loops.values():
        python_loop(module, net, 0)
    once = 1 / python_loop(loops["script"], net, 0)[0]
    count = int(min(max(1.5 / once, 6), 400))
    alone = frames_per_second(ffmpeg, net, extra, 1)[1]
    measured = {key: [] for key in ("ours", *loops)}
    for _ in range(ROUNDS):
        fps, cpu, result["form"] = frames_per_second(ffmpeg, net, extra, count)
        measured["ours"].append((fps, (cpu - alone) / (count - 1)))
        for key, module in loops.items():
            measured[key].append(python_loop(module, net, 0.7))
    for key, values in measured.items():
        result[key] = round(statistics.median(v[0] for v in values), 2)
        result[key + "_cpu_ms"] = round(1e3 * statistics.median(v[1] for v in values), 2)
    if forms:
        best = {form: frames_per_second(ffmpeg, net, form + extra, count)[0] for form in FORMS}
        first = max(best, key=best.get)
        pairs = [(frames_per_second(ffmpeg, net, extra, count)[0], frames_per_second(ffmpeg, net, first + extra, count)[0])
                 for _ in range(ROUNDS)]
        result["forms"], result["best"] = best, first
        result["default_of_best"] = round(statistics.median(a / max(b, 1e-9) for a, b in pairs), 3)


def memory(ffmpeg, net, extra, result):
    load = os.path.join(KEEP, "load")
    if not os.path.exists(load):
        subprocess.run(["c++", "-std=c++17", "-O1", "-o", load, os.path.join(HERE, "load.cpp"), "-ltorch", "-ltorch_cpu",
                        "-lc10", "-pthread"], check=True)
    shape = [str(n) for n in net.inputs[0].shape[1:]]
    for frames in 1, 20:
        result[f"memory_{frames}"] = run(ffmpeg, net, extra, frames, ["-f", "null", "-"])[3] / 1024
        result[f"load_{frames}"] = int(subprocess.check_output([load, net.path, "1", str(frames)] + shape)) / 1024
    result["memory_one_worker"] = run(ffmpeg, net, extra + ":workers=1", 20, ["-f", "null", "-"])[3] / 1024
    result["load_two"] = int(subprocess.check_output([load, net.path, "2", "20"] + shape)) / 1024


def one(name, arguments):
    recipe = recipes.NETWORKS[name]
    result = {"repository": recipe.repository, "what": recipe.what, "known": recipe.known, "options": recipe.options,
              "how": "scripted" if recipe.script else "traced", "trained": recipe.trained, "input": recipe.size}
    net = Network(recipe, os.path.abspath(arguments.folder))
    if "picture" in arguments.only:
        picture(arguments.ffmpeg, net, arguments.options, result)
    if "speed" in arguments.only:
        speed(arguments.ffmpeg, net, arguments.options, result, arguments.forms)
    if "memory" in arguments.only:
        memory(arguments.ffmpeg, net, arguments.options, result)
    return {key: round(value, 1) if "memory" in key or "load" in key else value for key, value in result.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("ffmpeg")
    parser.add_argument("results")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--only", default="picture,speed,memory")
    parser.add_argument("--forms", action="store_true")
    parser.add_argument("--options", default="")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    os.makedirs(KEEP, exist_ok=True)
    arguments.ffmpeg, arguments.results = os.path.abspath(arguments.ffmpeg), os.path.abspath(arguments.results)
    if arguments.one:
        warnings.simplefilter("ignore")
        print("\nRESULT " + json.dumps(one(arguments.names[0], arguments)))
        return 0

    wrong = 0
    for name in arguments.names or recipes.NETWORKS:
        # a process for each: their sources change what they import, and more
        done = subprocess.run(
            [sys.executable, os.path.abspath(__file__), arguments.folder, arguments.ffmpeg, arguments.results, name, "--one",
             "--only", arguments.only, "--options=" + arguments.options] + ["--forms"] * arguments.forms,
            capture_output=True, text=True)
        found = re.search("^RESULT (.*)$", done.stdout, re.M)
        result = json.loads(found[1]) if found else {
            "not_built": (done.stderr.strip().splitlines() or ["?"])[-1], "repository": recipes.NETWORKS[name].repository}
        results = json.load(open(arguments.results)) if os.path.exists(arguments.results) else {}
        results.setdefault(name, {}).update(result)
        with open(arguments.results, "w") as file:
            json.dump(results, file, indent=1)
        wrong += "fp32" in result and not (isinstance(result["fp32"], int) and result["fp32"] <= 1)
        print(name, {k: v for k, v in result.items() if k in (
            "not_built", "contrast", "fp32", "bf16", "batch", "form", "ours", "eager", "script",
            "default_of_best", "best", "memory_20", "load_20", "load_two", "memory_one_worker")}, flush=True)
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
