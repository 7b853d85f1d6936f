# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tables and plots of what bench.py measured."""
import os
import statistics

import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt

from measure import COLUMNS, RATIOS
from tables import cpu_name, number, table

COLUMN = {column.name: column for column in COLUMNS}
SHORT_TITLES = {"espcn": "ESPCN ×2", "two": "two convolutions", "identity": "identity",
                "compact": "compact ×4", "demo": "demo ×2"}


def spread(values):
    if not values:
        return ""
    return f"**{number(statistics.median(values))}** ({number(min(values))} to {number(max(values))})"


def rates(cells, row, column):
    return [sample["fps"] for sample in cells[row].get(column, [])]


def ratios(cells, row, a, b):
    """One a round, so that drift cancels out."""
    return [x / y for x, y in zip(rates(cells, row, a), rates(cells, row, b))]


def columns_of(place):
    """Those that something was measured in."""
    return [c for c in COLUMNS if any(place["cells"][row].get(c.name) for row in place["cells"])]


# ---- Tables --------------------------------------------------------------------

def rate_table(results, place):
    columns = columns_of(place)
    return table(["frames/s"] + [c.title for c in columns],
                 [[title] + [spread(rates(place["cells"], row, c.name)) for c in columns]
                  for row, title in results["rows"].items()])


def ratio_table(results, place):
    lines = []
    for row, title in results["rows"].items():
        cells = [title]
        for _, a, b, goals in RATIOS:
            values = ratios(place["cells"], row, a, b)
            text = f"**{statistics.median(values):.2f}** ({min(values):.2f} to {max(values):.2f})" if values else ""
            if values and row in goals:
                met = statistics.median(values) >= goals[row]
                text += f", goal {goals[row]:.2f}" + ("" if met else ": **missed**")
            cells.append(text)
        lines.append(cells)
    used = [i for i in range(len(RATIOS)) if any(line[i + 1] for line in lines)]
    return table(["ratio"] + [RATIOS[i][0] for i in used],
                 [[line[0]] + [line[i + 1] for i in used] for line in lines])


def best_table(results, place):
    """What the trials of the exact options gave."""
    lines = []
    for row, found in place["best"].items():
        trials = ", ".join(f"{options[1:] or 'default'} {number(fps)}" for options, fps in found["trials"].items())
        lines.append([results["rows"][row], f"`{found['options'][1:] or 'default'}`", trials])
    return table(["network", "best fp32", "frames/s in the trial of each"], lines)


def memory_table(results, place):
    columns = columns_of(place)
    lines = []
    for row, title in results["rows"].items():
        cells = [title]
        for column in columns:
            samples = place["cells"][row].get(column.name, [])
            cells.append(f"{statistics.median(s['memory'] for s in samples):.0f}" +
                         (f" ({statistics.median(s['memory_short'] for s in samples):.0f})"
                          if column.name in ("upstream", "onnx", "sync", "ours", "best", "bf16", "pt2", "pt2_bf16") else "")
                         if samples else "")
        lines.append(cells)
    return table(["MB"] + [c.title for c in columns], lines)


def start_table(place):
    return table(["", "seconds", "peak MB"],
                 [[name, spread([s for s, _ in values]), f"{statistics.median(m for _, m in values):.0f}"]
                  for name, values in place["start"].items() if values])


def form_table(results, forms):
    """ms of CPU time by form; the fastest in bold."""
    names = list(dict.fromkeys(n for ms in forms.values() for n in ms))
    lines = []
    for row, ms in forms.items():
        best = min(ms.values())
        lines.append([results["rows"].get(row, row)] +
                     [f"**{number(ms[n])}**" if ms.get(n) == best else number(ms[n]) if n in ms else ""
                      for n in names])
    return table(["ms of CPU time a run"] + names, lines)


def curve_table(curves, header):
    """A line for each curve, a column for each value."""
    values = list(dict.fromkeys(value for curve in curves.values() for value in curve))
    return table([header] + values,
                 [[name] + [number(curve[v]["fps"]) if v in curve else "" for v in values]
                  for name, curve in curves.items()])


# ---- Plots ---------------------------------------------------------------------

def plain_axes(axis):
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="y", color="#eeeeee")
    axis.set_axisbelow(True)


def plot_rates(results, place, path):
    columns = columns_of(place)
    rows = list(results["rows"])
    figure, axes = plt.subplots(1, len(rows), figsize=(2.9 * len(rows), 4.2))
    for axis, row in zip(axes, rows):
        shown = [c for c in columns if rates(place["cells"], row, c.name)]
        for i, column in enumerate(shown):
            values = rates(place["cells"], row, column.name)
            middle = statistics.median(values)
            axis.bar(i, middle, color=column.colour,
                     yerr=[[middle - min(values)], [max(values) - middle]], capsize=2)
            axis.annotate(number(middle), (i, max(values)), ha="center", va="bottom", fontsize=8)
        axis.set_title(results["rows"][row].replace(", ", "\n", 1), fontsize=9)
        axis.set_xticks(range(len(shown)))
        axis.set_xticklabels([c.title for c in shown], rotation=50, ha="right", rotation_mode="anchor", fontsize=8)
        axis.tick_params(axis="y", labelsize=8)
        axis.margins(y=0.12)
        plain_axes(axis)
    axes[0].set_ylabel("frames/s")
    figure.suptitle(f"LibTorch {place['torch']}, {results['cores']} cores, {results['cpu']}: median, least and most "
                    f"of {place['rounds']} rounds", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def plot_memory(results, place, path):
    columns = columns_of(place)
    rows = list(results["rows"])
    figure, axis = plt.subplots(figsize=(11, 3.6))
    width = 0.85 / len(columns)
    for i, column in enumerate(columns):
        points = [(n, statistics.median(s["memory"] for s in place["cells"][row][column.name]))
                  for n, row in enumerate(rows) if place["cells"][row].get(column.name)]
        axis.bar([n + (i - len(columns) / 2 + 0.5) * width for n, _ in points], [m for _, m in points],
                 width * 0.9, color=column.colour, label=column.title)
    axis.set_xticks(range(len(rows)))
    axis.set_xticklabels([results["rows"][row].replace(", ", "\n", 1) for row in rows], fontsize=8)
    axis.set_ylabel("peak memory, MB")
    axis.legend(fontsize=8, frameon=False, ncol=2, loc="center left", bbox_to_anchor=(1, 0.5))
    plain_axes(axis)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def plot_sizes(sizes, path):
    """Milliseconds a megapixel of the input: a flat line costs the same for each pixel."""
    figure, axes = plt.subplots(1, len(sizes), figsize=(5 * len(sizes), 3.6))
    for axis, (net, columns) in zip(axes, sizes.items()):
        labels = []
        for column, points in columns.items():
            cost = []
            for size, sample in points.items():
                width, height = map(int, size.split("x"))
                cost.append((width * height / 1e6, 1e9 / sample["fps"] / (width * height)))
                labels.append((cost[-1][0], f"{height}p"))
            axis.plot(*zip(*cost), "o-", color=COLUMN[column].colour, label=COLUMN[column].title)
        axis.set_xscale("log")
        labels = sorted(set(labels))
        axis.set_xticks([x for x, _ in labels])
        axis.set_xticklabels([name for _, name in labels], fontsize=8)
        axis.minorticks_off()
        axis.set_ylim(0, axis.get_ylim()[1] * 1.05)
        axis.set_title(SHORT_TITLES.get(net, net), fontsize=10)
        axis.set_ylabel("ms a megapixel of input")
        axis.legend(fontsize=8, frameon=False)
        plain_axes(axis)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def plot_options(options, path):
    """Frames/s relative to the best value of an option."""
    names = list(next(iter(options.values())))
    figure, axes = plt.subplots(1, len(names), figsize=(4 * len(names), 3.4), sharey=True)
    colours = ["#1565c0", "#43a047", "#ef6c00"]
    for axis, option in zip(axes, names):
        values = sorted({int(v) for curves in options.values() for v in curves[option]})
        for (net, curves), colour in zip(options.items(), colours):
            points = {int(v): s["fps"] for v, s in curves[option].items()}
            if points:
                axis.plot([values.index(v) for v in points], [p / max(points.values()) for p in points.values()],
                          "o-", color=colour, label=SHORT_TITLES.get(net, net))
        axis.set_xticks(range(len(values)))
        axis.set_xticklabels(values)
        axis.set_xlabel(option)
        axis.set_ylim(0, 1.08)
        plain_axes(axis)
    axes[0].set_ylabel("frames/s, 1 = the most")
    axes[0].legend(fontsize=8, frameon=False, loc="lower right")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


# ---- Files ---------------------------------------------------------------------

def throughput(results, doc):
    text = ["# Throughput on the CPU\n",
            f"Written by `make bench` ([how](../../tests/bench/README.md)). {results['cpu']}, {results['cores']} cores. "
            "Figures are medians of interleaved rounds, least and most in brackets; ratios are medians of the "
            "rounds' ratios. Absolute figures belong to this machine, the ratios are the claim.\n"]
    text.append("Async over sync is 1 where the network itself keeps all cores busy: there is nothing left to "
                "overlap, and two runs of one thread and one of two take turns in being the faster by some per "
                "cent. No ratio to 9.0.2 can be more than that of the bare loop to it.\n")
    for name, place in results["places"].items():
        picture = "throughput.png" if name == "host" else f"throughput-{name}.png"
        plot_rates(results, place, os.path.join(doc, picture))
        text += [f"## LibTorch {place['torch']}, {place['rounds']} round{'s' if place['rounds'] > 1 else ''}\n",
                 f"![frames/s]({picture})\n", rate_table(results, place), ratio_table(results, place),
                 "The best options that are exact, and what the trials of them gave:\n", best_table(results, place)]
        if place["psnr"]:
            text.append("PSNR of bf16 against fp32, over frames of a real clip: " +
                        ", ".join(f"{results['rows'][row]} {value:.1f} dB"
                                  for row, value in place["psnr"].items()) + ".\n")
    return "\n".join(text)


def memory_and_start(results, doc):
    text = ["# Memory and start\n",
            f"Written by `make bench`. {results['cpu']}, {results['cores']} cores.\n",
            "Peak of the resident memory; in brackets that of a run of a tenth of the frames. For the Python "
            "loop it is that of the largest of its three processes.\n"]
    for name, place in results["places"].items():
        picture = "memory.png" if name == "host" else f"memory-{name}.png"
        plot_memory(results, place, os.path.join(doc, picture))
        text += [f"## LibTorch {place['torch']}\n", f"![memory]({picture})\n", memory_table(results, place),
                 "The start: the whole of a command, ESPCN ×2 at 640×360.\n", start_table(place)]
    return "\n".join(text)


def forms(results):
    text = ["# The forms of a network\n",
            f"Written by `make bench`. {results['cpu']}. Each network as loaded, frozen or optimized for "
            "inference, contiguous or channels last, on one thread without video, memory kept. In bold the "
            "fastest.\n"]
    for place in results["places"].values():
        for precision, found in place["forms"].items():
            if found:
                text += [f"## LibTorch {place['torch']}, {precision}\n", form_table(results, found)]
    return "\n".join(text)


def curves(results, doc):
    plot_sizes(results["sizes"], os.path.join(doc, "sizes.png"))
    plot_options(results["options"], os.path.join(doc, "options.png"))
    text = ["# Size of the frames, and options\n",
            f"Written by `make bench`. {results['cpu']}, {results['cores']} cores, one run a point.\n",
            "## Size\n", "![cost against size](sizes.png)\n"]
    for net, columns in results["sizes"].items():
        text.append(curve_table({f"{SHORT_TITLES.get(net, net)}, {COLUMN[c].title}": points
                                 for c, points in columns.items()}, "frames/s"))
    text += ["## Options\n", "![frames/s against options](options.png)\n"]
    for option in next(iter(results["options"].values())):
        text.append(curve_table({SHORT_TITLES.get(net, net): found[option]
                                 for net, found in results["options"].items()}, option))
    return "\n".join(text)


def readme(results):
    """The main tables, short, for the README."""
    text = []
    for name, place in results["places"].items():
        wanted = ("upstream", "ours", "bare", "python") if name == "host" else \
                 ("upstream", "onnx", "ours", "bf16", "pt2_bf16")
        columns = [c for c in columns_of(place) if c.name in wanted]

        def cell(row, column):
            values = rates(place["cells"], row, column)
            text = number(statistics.median(values)) if values else ""
            return f"**{text}**" if text and column == "ours" else text

        text.append(table([f"frames/s, {results['cores']} cores, LibTorch {place['torch'].rsplit('.', 1)[0]}"] +
                          [c.title if c.name != "ours" else "**ours**" for c in columns],
                          [[title] + [cell(row, c.name) for c in columns]
                           for row, title in results["rows"].items()]))
    return "\n".join(text) + "\n![frames/s](doc/bench/throughput.png)\n"


def write(results, doc, readme_path):
    os.makedirs(doc, exist_ok=True)
    texts = {"throughput.md": throughput(results, doc), "memory-and-start.md": memory_and_start(results, doc),
             "forms.md": forms(results)}
    if "sizes" in results:
        texts["curves.md"] = curves(results, doc)
    for name, text in texts.items():
        with open(os.path.join(doc, name), "w") as f:
            f.write(text)
    with open(readme_path, "w") as f:
        f.write(readme(results))
    print(texts["throughput.md"])
