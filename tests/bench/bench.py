# SPDX-License-Identifier: LGPL-2.1-or-later
"""The benchmark: frames/s of networks in ffmpeg, and around it.

Each round runs every column of every row once, so that the drift of the
machine is in all of them; medians over the rounds and ratios are reported.
"""
import argparse
import os
import platform
import statistics
import subprocess
import sys
import time

import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt

HERE = os.path.dirname(os.path.abspath(__file__))
DOC = os.path.join(HERE, "..", "..", "doc", "bench")

# name, text, width, height, scale, frames of a run, best exact options
ROWS = [
    ("espcn", "ESPCN ×2, 640×360", 640, 360, 2, 60, ""),
    ("two", "two convolutions, 640×360", 640, 360, 1, 300, ""),
    ("identity", "identity, 1920×1080", 1920, 1080, 1, 200, ""),
    ("compact", "compact ×4, 320×180", 320, 180, 4, 12, ""),
]
COLUMNS = ["upstream", "ours sync", "ours", "bare loop", "Python loop"]


def source(width, height, frames):
    """Eight different frames, over and over, at next to no cost.

    The source ends by itself: upstream crashes when it is stopped early.
    """
    return (f"testsrc2=s={width}x{height},trim=end_frame=8,format=rgb24,"
            f"loop=loop=-1:size=8,trim=end_frame={frames}")


def seconds(ffmpeg, net, row, options, frames):
    _, _, width, height, _, _, _ = row
    command = [ffmpeg, "-v", "error", "-nostdin", "-f", "lavfi", "-i", source(width, height, frames),
               "-vf", f"dnn_processing=dnn_backend=torch:model={net}{options}",
               "-f", "null", "-"]
    start = time.monotonic()
    subprocess.run(command, check=True)
    return time.monotonic() - start


def rate(ffmpeg, net, row, options):
    """Frames/s without the start: from a run and one of a tenth of it."""
    frames = row[5]
    few = max(2, frames // 10)
    long, short = (seconds(ffmpeg, net, row, options, n) for n in (frames, few))
    return (frames - few) / max(long - short, 1e-9)


def run(arguments, row, column):
    name, _, width, height, scale, frames, _ = row
    net = os.path.join(arguments.nets, name + ".pt")
    if column == "upstream":
        return rate(arguments.upstream, net, row, "")
    if column == "ours sync":
        return rate(arguments.ours, net, row, ":async=0")
    if column == "ours":
        return rate(arguments.ours, net, row, "")
    if column == "bare loop":
        if name == "identity":
            return None
        command = [os.path.join(arguments.nets, "bare"), net, "3", str(height), str(width),
                   str(frames), "-2", "-2", "1", "0"]
    else:
        command = [sys.executable, os.path.join(HERE, "python_loop.py"), arguments.ours, net,
                   str(width), str(height), str(scale), source(width, height, frames)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def table(results, rounds):
    lines = [f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, "
             f"{machine()}; medians of {rounds} interleaved rounds, frames/s "
             "(least to most)", "",
             "| network | " + " | ".join(COLUMNS) + " | ours / bare | ours / upstream | ours / Python | async / sync |",
             "|---|" + "---|" * (len(COLUMNS) + 4)]
    for row in ROWS:
        rates = results[row[0]]
        cells = []
        for column in COLUMNS:
            values = [v for v in rates[column] if v is not None]
            cells.append(f"**{statistics.median(values):.1f}** ({min(values):.1f} to {max(values):.1f})"
                         if values else "")
        ratios = [ratio(rates, "ours", other) for other in ("bare loop", "upstream", "Python loop", "ours sync")]
        lines.append("| " + " | ".join([row[1]] + cells + ratios) + " |")
    return "\n".join(lines) + "\n"


def ratio(rates, a, b):
    """The median of the rounds' ratios, so that drift cancels out."""
    pairs = [x / y for x, y in zip(rates[a], rates[b]) if x and y]
    return f"{statistics.median(pairs):.2f}" if pairs else ""


def machine():
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return "unknown CPU"


def plot(results, path):
    figure, axes = plt.subplots(1, len(ROWS), figsize=(12, 3.6))
    colours = ["#9e9e9e", "#90caf9", "#1565c0", "#43a047", "#ef6c00"]
    for axis, row in zip(axes, ROWS):
        for i, column in enumerate(COLUMNS):
            values = [v for v in results[row[0]][column] if v is not None]
            if not values:
                continue
            middle = statistics.median(values)
            axis.bar(i, middle, color=colours[i], label=column,
                     yerr=[[middle - min(values)], [max(values) - middle]], capsize=3)
            axis.annotate(f"{middle:.1f}", (i, max(values)), ha="center", va="bottom", fontsize=8)
        axis.set_title(row[1], fontsize=10)
        axis.set_xticks(range(len(COLUMNS)))
        axis.set_xticklabels(COLUMNS, rotation=40, ha="right", fontsize=8)
        axis.spines[["top", "right"]].set_visible(False)
        axis.margins(y=0.15)
    axes[0].set_ylabel("frames/s")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ours", required=True)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--nets", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    results = {row[0]: {column: [] for column in COLUMNS} for row in ROWS}

    for number in range(arguments.rounds):
        for row in ROWS:
            for column in COLUMNS:
                value = run(arguments, row, column)
                results[row[0]][column].append(value)
                if value is not None:
                    print(f"round {number + 1}/{arguments.rounds}  {row[1]:28} {column:12} {value:8.1f} frames/s",
                          flush=True)

    text = table(results, arguments.rounds)
    os.makedirs(DOC, exist_ok=True)
    with open(os.path.join(DOC, "throughput.md"), "w") as f:
        f.write("# Throughput on the CPU\n\nWritten by `make bench`.\n\n" + text)
    plot(results, os.path.join(DOC, "throughput.png"))
    print(text)


if __name__ == "__main__":
    main()
