# SPDX-License-Identifier: LGPL-2.1-or-later
"""Recordings of trace.cpp as a picture of some milliseconds and a table of shares."""
import argparse
import sys

COLOURS = {"in": "#4477aa", "conversion": "#ccbb44", "network": "#228833", "copy": "#999999", "out": "#aa3377"}
NAMES = {"in": "copy to the device", "conversion": "conversion of surfaces", "network": "network",
         "copy": "copy or fill on the device", "out": "copy to the host"}


def kind_of(kind, name):
    if kind == "kernel":
        return "conversion" if name.startswith("Dnn_") else "network"
    return "copy" if kind == "set" else kind


def read(path):
    """[(kind, stream, start, end)], times in ms from the first, sorted by start."""
    activities = []
    with open(path) as f:
        for line in f:
            kind, stream, start, end, _, name = line.rstrip("\n").split("\t", 5)
            activities.append((kind_of(kind, name), int(stream), int(start) / 1e6, int(end) / 1e6))
    activities.sort(key=lambda a: a[2])
    first = activities[0][2] if activities else 0
    return [(kind, stream, start - first, end - first) for kind, stream, start, end in activities]


def union(activities, kinds, begin, end):
    """The time within [begin, end] in which at least one activity of the kinds ran, as
    disjoint intervals."""
    spans = []
    for kind, _, a, b in activities:
        a, b = max(a, begin), min(b, end)
        if kind not in kinds or a >= b:
            continue
        if spans and a <= spans[-1][1]:
            spans[-1][1] = max(spans[-1][1], b)
        else:
            spans.append([a, b])
    return spans


def length(spans):
    return sum(b - a for a, b in spans)


def overlap(x, y):
    """Of two lists of disjoint intervals in order."""
    i = j = 0
    total = 0
    while i < len(x) and j < len(y):
        total += max(0, min(x[i][1], y[j][1]) - max(x[i][0], y[j][0]))
        if x[i][1] < y[j][1]:
            i += 1
        else:
            j += 1
    return total


def steady(activities):
    """The middle of the recording: from two to nine tenths of what it has."""
    n = len(activities)
    return activities[n // 5][2], activities[n * 9 // 10][2]


def shares(activities):
    """(kernels ran, copies to or from the host ran, share of those beside kernels)."""
    begin, end = steady(activities)
    kernels = union(activities, ("network", "conversion"), begin, end)
    copies = union(activities, ("in", "out"), begin, end)
    beside = overlap(kernels, copies) / length(copies) if copies else None
    return length(kernels) / (end - begin), length(copies) / (end - begin), beside


def draw(recordings, title, frames, path):
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(recordings), 1, figsize=(10, 1 + 1.7 * len(recordings)), squeeze=False)
    for axis, (name, activities) in zip(axes[:, 0], recordings):
        begin, end = steady(activities)
        # about eight frames: that time has seven tenths of all
        eight = 8 * (end - begin) / (0.7 * frames)
        begin = (begin + end) / 2
        end = min(end, begin + eight)
        shown = [a for a in activities if a[3] > begin and a[2] < end]
        streams = sorted({a[1] for a in shown})
        for kind, colour in COLOURS.items():
            for row, stream in enumerate(streams):
                bars = [(max(a, begin) - begin, min(b, end) - max(a, begin))
                        for k, s, a, b in shown if k == kind and s == stream]
                axis.broken_barh(bars, (row - 0.4, 0.8), facecolors=colour, linewidth=0)
        axis.set_yticks(range(len(streams)))
        axis.set_yticklabels([f"stream {s}" for s in streams], fontsize=8)
        axis.set_xlim(0, end - begin)
        axis.set_title(name, fontsize=9, loc="left")
        axis.tick_params(axis="x", labelsize=8)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    axes[-1, 0].set_xlabel("ms", fontsize=8)
    figure.suptitle(title, fontsize=10)
    figure.legend(handles=[plt.Rectangle((0, 0), 1, 1, color=c) for c in COLOURS.values()],
                  labels=[NAMES[k] for k in COLOURS], loc="lower center", ncol=len(COLOURS), fontsize=8, frameon=False)
    figure.tight_layout(rect=(0, 0.06, 1, 1))
    figure.savefig(path, dpi=110)


def percent(share):
    return "-" if share is None else f"{100 * share:.0f} %"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recordings", nargs="+", metavar="NAME=FILE")
    parser.add_argument("--title", default="")
    parser.add_argument("--frames", type=int, required=True, help="that each recording is of")
    parser.add_argument("--picture", help="PNG to write; without it there is the table alone")
    options = parser.parse_args()

    recordings = [(name, read(path)) for name, path in (r.split("=", 1) for r in options.recordings)]
    for name, activities in recordings:
        if len(activities) < 20:
            sys.exit(f"timeline: {name}: {len(activities)} activities are too few")
    print(f"{options.title}\n\n| of the time | kernels ran | copies to or from the host ran | of those, beside kernels |")
    print("|---|---|---|---|")
    for name, activities in recordings:
        print(f"| {name} | " + " | ".join(percent(s) for s in shares(activities)) + " |")
    if options.picture:
        draw(recordings, options.title, options.frames, options.picture)


if __name__ == "__main__":
    main()
