# SPDX-License-Identifier: LGPL-2.1-or-later
"""The benchmark: frames/s of networks in ffmpeg, and around it.

Each round runs every column of every row once, so that the drift of the
machine is in all of them. What was measured is kept as JSON, from which the
tables and the plots of doc/bench are made (--report: only that).
"""
import argparse
import dataclasses
import json
import os
import platform
import sys

import measure
import report
from measure import COLUMNS, Failed, Place, Row

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", ".."))


def rows(clip):
    return [
        Row("espcn", "ESPCN ×2, 640×360", 640, 360, 60, 16, scale=2),
        Row("two", "two convolutions, 640×360", 640, 360, 1500, 150),
        Row("identity", "identity, 1920×1080", 1920, 1080, 700, 100),
        Row("compact", "compact ×4, 320×180", 320, 180, 16, 6, scale=4),
        Row("demo", "demo ×2, real clip of 560×320", 560, 320, 90, 45, scale=2, channels=1,
            net=os.path.join(ROOT, "demo", "sr2x.pt"), clip=clip),
    ]


# Other sorts of networks, for the rule that chooses the default variant.
OTHERS = [Row(name, name, 320, 180, 0, 0) for name in
          ("one", "three", "residual", "unet", "depthwise", "dncnn", "leaky")]

SIZES = [(320, 180), (640, 360), (1280, 720), (1920, 1080), (3840, 2160)]


def say(text):
    print(text, flush=True)


def attempt(what, function, *arguments):
    """A measurement; one that fails costs its cell and a line, not the run."""
    try:
        return function(*arguments)
    except (Failed, OSError, ValueError, IndexError) as e:
        say(f"warning: {what} failed: {e}")
        return None


def available_memory():
    with open("/proc/meminfo") as f:
        for line in f:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 0


class Bench:
    def __init__(self, arguments, places, all_rows):
        self.arguments, self.places, self.rows = arguments, places, all_rows
        self.part = arguments.part
        self.results = {}

    def few(self, frames, least=8):
        return max(least, int(frames * self.part))

    def choose(self, place):
        """The best exact options of each row, by trials."""
        chosen = {}
        for row in self.rows:
            best = attempt(f"{place.name}, {row.title}: options", measure.best_options, place, row,
                           self.few(row.frames // 3))
            if best:
                chosen[row.name] = {"options": best[0], "trials": best[1]}
                say(f"{place.name}  {row.title}: best is {best[0][1:] or 'the default'}")
        return chosen

    def main_table(self, place, rounds, best):
        cells = {row.name: {column.name: [] for column in COLUMNS} for row in self.rows}
        dead = set()
        for number in range(rounds):
            for row in self.rows:
                for column in COLUMNS:
                    # a cell that failed will again; a row of samples stays one of rounds
                    if (row.name, column.name) in dead or not column.there(place, row):
                        continue
                    what = f"{place.name}, {row.title}, {column.title}"
                    sample = attempt(what, column.measure, place, row,
                                     self.few(row.slow if column.slow else row.frames),
                                     best.get(row.name, {}).get("options", ""))
                    if not sample:
                        dead.add((row.name, column.name))
                        cells[row.name][column.name] = []
                        continue
                    cells[row.name][column.name].append(dataclasses.asdict(sample))
                    say(f"{place.name}  {number + 1}/{rounds}  {row.title:46} {column.title:16} "
                        f"{sample.fps:8.1f} frames/s {sample.memory:6.0f} MB")
        return cells

    def psnr(self, place):
        found = {}
        for row in self.rows:
            if place.bf16 and measure.has_convolutions(place, row):
                value = attempt(f"{place.name}, {row.title}: PSNR", measure.psnr_bf16, place, row,
                                self.arguments.clip, self.few(20 if row.name == "compact" else 60))
                if value is not None:
                    found[row.name] = value
        return found

    def forms(self, place):
        found = {}
        for precision in ["fp32"] + (["bf16"] if place.bf16 else []):
            found[precision] = {}
            for row in self.rows + OTHERS:
                if not measure.has_convolutions(place, row):
                    continue
                got = attempt(f"{place.name}, {row.title}, {precision}: forms", measure.forms, place, row,
                              precision, 3 * self.part)
                if got:
                    found[precision][row.name] = got
        return found

    def curve(self, place, row, values, option, frames):
        """Frames/s against the values of an option."""
        found = {}
        for value in values:
            sample = attempt(f"{row.title}, {option}={value}", measure.rate, place, place.ours, row,
                             measure.torch_net(place, row, f":{option}={value}"), self.few(frames))
            if sample:
                found[str(value)] = dataclasses.asdict(sample)
                say(f"{place.name}  {row.title}  {option}={value}  {sample.fps:.1f} frames/s {sample.memory:.0f} MB")
        return found

    def options(self, place):
        by_name = {row.name: row for row in self.rows}
        cores = measure.CORES
        found = {}
        for name, frames in (("espcn", 40), ("two", 400)):
            row = by_name[name]
            found[name] = {
                "nireq": self.curve(place, row, (1, 2, 4, 6, 8, 16), "nireq", frames),
                "workers": self.curve(place, row, sorted({1, 2, 3, 4, cores, 2 * cores} - {0}), "workers", frames),
                "batch_size": self.curve(place, row, (1, 2, 4, 8), "batch_size", frames),
            }
        return found

    def sizes(self, place):
        """Frames/s against the size of the frames."""
        found = {"identity": {}, "espcn": {}}
        by_name = {column.name: column for column in COLUMNS}
        for width, height in SIZES:
            area = width * height / (640 * 360)
            for name, columns, frames in (("identity", ("upstream", "ours"), 1600),
                                          ("espcn", ("ours", "bare"), 40)):
                row = Row(name, f"{name}, {width}×{height}", width, height, 0, 0, scale=2 if name == "espcn" else 1)
                # what the activations of all workers take, about
                if name == "espcn" and width * height * 64 * 4 * 2.5 * measure.WORKERS > available_memory():
                    say(f"{row.title}: left out, there is not enough memory")
                    continue
                for column in columns:
                    # about as long at every size
                    n = self.few(frames / area / (10 if column == "upstream" else 1), 16)
                    sample = attempt(f"{row.title}, {column}", by_name[column].measure, place, row, n, "")
                    if sample:
                        found[name].setdefault(column, {})[f"{width}x{height}"] = dataclasses.asdict(sample)
                        say(f"{place.name}  {row.title}  {column}  {sample.fps:.1f} frames/s {sample.memory:.0f} MB")
        return found

    def start(self, place, plain):
        """Seconds of ffmpeg -version, and of a run that makes one frame."""
        row = self.rows[0]
        commands = {"ffmpeg -version, ours": [place.ours, "-version"],
                    "ffmpeg -version, 9.0.2": [place.upstream, "-version"],
                    "one frame, 9.0.2": measure.pipeline(place.upstream, row, measure.torch_net(place, row), 1),
                    "one frame, ours": measure.pipeline(place.ours, row, measure.torch_net(place, row), 1),
                    "one frame, ours, optimize=auto:memory_format=auto": measure.pipeline(
                        place.ours, row, measure.torch_net(place, row, ":optimize=auto:memory_format=auto"), 1)}
        if plain:
            commands["ffmpeg -version, built without LibTorch"] = [plain, "-version"]
        found = {name: [] for name in commands}
        for _ in range(max(2, int(5 * self.part))):
            for name, command in commands.items():
                done = attempt(f"{place.name}, {name}", measure.run, place, command)
                if done:
                    found[name].append([done.seconds, done.memory])
        return found


def versions(places):
    for place in places:
        done = attempt(f"{place.name}: version of LibTorch", measure.run, place, [place.bare, "version"])
        place.version = done.text.strip() if done else "?"


def measure_all(arguments):
    clip = arguments.clip
    places = [Place("host", [], arguments.ours, arguments.upstream, arguments.bare, arguments.nets, False, False)]
    if arguments.chroot:
        name, folder = arguments.chroot.split("=")
        places.append(Place(name, [os.path.join(ROOT, "scripts", "chroot"), "--run", name],
                            f"{folder}/ours/ffmpeg", f"{folder}/upstream/ffmpeg", f"{folder}/bare",
                            arguments.nets, True, True))
    versions(places)
    bench = Bench(arguments, places, rows(clip))
    results = {"cpu": report.cpu_name(), "cores": measure.CORES, "machine": platform.machine(),
               "part": arguments.part, "rows": {row.name: row.title for row in bench.rows}, "places": {}}
    for place in places:
        rounds = arguments.rounds if place.name == "host" else max(1, (arguments.rounds + 1) // 2)
        best = bench.choose(place)
        results["places"][place.name] = {
            "torch": place.version, "rounds": rounds, "best": best,
            "cells": bench.main_table(place, rounds, best),
            "psnr": bench.psnr(place), "forms": bench.forms(place),
            "start": bench.start(place, arguments.plain if place.name == "host" else ""),
        }
        save(arguments, results)
    results["sizes"] = bench.sizes(places[0])
    results["options"] = bench.options(places[0])
    save(arguments, results)


def save(arguments, results):
    os.makedirs(os.path.dirname(arguments.results), exist_ok=True)
    with open(arguments.results, "w") as f:
        json.dump(results, f, indent=1)


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/run FFMPEG OUTDIR")
    parser.add_argument("--ours", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--upstream", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--plain", default="", help=argparse.SUPPRESS)
    parser.add_argument("--bare", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--nets", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--clip", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--results", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--chroot", default="", help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5, help="of the main table (default 5)")
    parser.add_argument("--part", type=float, default=1,
                        help="of the frames: less than 1 for a quick try, whose figures mean nothing")
    parser.add_argument("--report", action="store_true", help="only make tables and plots anew")
    arguments = parser.parse_args()
    if not arguments.report:
        measure_all(arguments)
    with open(arguments.results) as f:
        results = json.load(f)
    # a quick try must not pass for a result
    doc = os.path.join(ROOT, "doc", "bench") if results["part"] >= 1 else os.path.dirname(arguments.results)
    report.write(results, doc, os.path.join(os.path.dirname(arguments.results), "readme.md"))
    say(f"tables and plots: {os.path.relpath(doc)}, the README's table: "
        f"{os.path.relpath(os.path.dirname(arguments.results))}/readme.md")


if __name__ == "__main__":
    sys.exit(main())
