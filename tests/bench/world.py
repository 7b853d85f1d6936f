# SPDX-License-Identifier: LGPL-2.1-or-later
"""Frames/s with the networks that people have, against what else runs them.

usage: world.py --ours FFMPEG --upstream FFMPEG --bare PROGRAM --nets FOLDER --out FOLDER [OPTION...] [NAME...]

--networks FOLDER are repositories that tests/networks/fetch cloned; without it only
networks of our own run, of --nets. NAME: only these. --rounds N, --seconds S of each
measurement, --report: only write what was measured before. The figures are kept in
OUT/world.json, where rows that do not run now stay as they are; the page is written to --page.

First the best exact options of each row are searched, then every round runs every
column of every row once, so that the drift of the machine is in all of them.
"""
import argparse
import dataclasses
import json
import os
import re
import statistics
import subprocess
import sys
import time

import meter
from measure import CORES, HERE, WORKERS
from tables import cpu_name, number, table

PYTHON = "/usr/bin/python3"

# In tests/networks/recipes.py, by kind.
PUBLIC = {
    "super-resolution, 3x3": ["EFDN x4", "IMDN-RTC x2", "FSRCNN x2"],
    "1x1 and depthwise": ["NAFNet", "Restormer", "BSRN x2"],
    "window attention": ["SwinIR light x2", "HAT x2"],
    "detection": ["Yolo-FastestV2"],
    "matte": ["MODNet", "SINet"],
    "low light": ["Zero-DCE++", "SCI", "IAT"],
    "denoising": ["ADNet colour", "DnCNN-S-25"],
    "depth": ["Lite-Mono"],
    "interpolation": ["RIFE m"],
    "style": ["fast neural style ResNeXt"],
}

# In nets.cpp: kind, name, width, height.
OWN = [
    ("super-resolution, 3x3", "compact", 160, 120),
    ("super-resolution, 3x3", "residual", 160, 120),
    ("1x1 and depthwise", "depthwise", 160, 120),
    ("1x1 and depthwise", "gated", 160, 120),
    ("window attention", "attention", 160, 120),
    ("U-Net", "unet", 160, 120),
    ("denoising", "dncnn", 160, 120),
]

# What ffmpeg says it runs, as its options.
FORMS = {f"{said}, {layout.replace('_', ' ')}": f"optimize={optimize}:memory_format={layout}"
         for said, optimize in (("as loaded", "none"), ("frozen", "freeze"), ("optimized for inference", "inference"),
                                ("fused", "fuse"))
         for layout in ("contiguous", "channels_last")}

# column: its title
COLUMNS = {"upstream": "FFmpeg 9.0.2", "ours": "ours", "best": "ours, best", "bare": "bare loop, best",
           "same": "bare loop, as ours", "python": "Python loop"}

# what: (column, at least on each row)
GOALS = {"ours : best": ("best", 0.9), "ours : bare": ("bare", 0.95), "ours : Python": ("python", 1.0),
         "ours : 9.0.2": ("upstream", None)}
PYTHON_MEDIAN, MEMORY = 1.5, 1.3


def say(text):
    print(text, flush=True)


def die(text):
    sys.exit("error: " + text)


def output(command):
    done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise meter.Failed((done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1][:200])
    return done.stdout


class Patience:
    """Measures again what other programs disturbed, and waits for them: so long, and no longer."""

    def __init__(self, seconds):
        self.left = seconds

    def wait(self):
        self.left -= meter.wait_for_quiet(min(self.left, 60))

    def run(self, arguments, what):
        self.wait()
        sample = meter.run(what, arguments.seconds, limit=arguments.limit)
        while sample.others > meter.DISTURBED and self.left > 0:
            begun = time.monotonic()
            self.wait()
            again = meter.run(what, arguments.seconds, limit=arguments.limit)
            sample = min(sample, again, key=lambda s: s.others)
            self.left -= time.monotonic() - begun
        return sample


# ---- Rows ----------------------------------------------------------------------

def export(arguments, kind, name):
    """A public network: its files in OUT/networks, made once."""
    folder = os.path.join(arguments.out, "networks")
    os.makedirs(folder, exist_ok=True)
    note = os.path.join(folder, re.sub("[^A-Za-z0-9]+", "-", name) + ".json")
    if not os.path.exists(note):
        say(f"exporting {name}")
        text = output([PYTHON, os.path.join(HERE, "world_loop.py"), "export", arguments.networks, folder, name])
        with open(note, "w") as f:
            f.write(re.search("^RESULT (.*)$", text, re.M)[1])
    with open(note) as f:
        return dict(json.load(f), kind=kind, title=name, source=True)


def own(arguments, kind, name, width, height):
    raw = os.path.join(arguments.out, f"{width}x{height}.raw")
    if not os.path.exists(raw):
        output([arguments.ours, "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=s={width}x{height},trim=end_frame=4",
                "-pix_fmt", "rgb24", "-f", "rawvideo", raw])
    return {"file": os.path.join(arguments.nets, name + ".pt"), "raw": raw, "width": width, "height": height,
            "channels": 3, "frames": 1, "options": "", "kind": kind, "title": name, "source": False}


# ---- Columns -------------------------------------------------------------------

def ffmpeg(binary, row, options, verbosity):
    return [binary, "-v", verbosity, "-nostdin", "-nostats", "-progress", "pipe:1", "-stats_period", "0.04",
            "-stream_loop", "-1", "-f", "rawvideo", "-pixel_format", "rgb24" if row["channels"] == 3 else "gray",
            "-video_size", f"{row['width']}x{row['height']}", "-i", row["raw"], "-vf",
            f"dnn_processing=dnn_backend=torch:model={row['file']}{options}", "-f", "null", "-"]


def shape(row):
    return [row["channels"] * row["frames"], row["height"], row["width"]]


def split(options):
    """optimize=A:memory_format=B:workers=N:threads=M -> (form, N, M)"""
    form, workers, threads = re.fullmatch(r"(.*):workers=(\d+):threads=(\d+)", options).groups()
    return form, workers, threads


def bare(arguments, row, options):
    form, workers, threads = split(options)
    return [arguments.bare, "loop", row["file"]] + shape(row) + [0, workers, threads, "fp32", form]


def command(arguments, row, column):
    """None: there is no such cell."""
    if column == "upstream":
        # it has neither other channels nor windows; what its picture is does not matter for the speed
        there = row["channels"] == 3 and row["frames"] == 1
        return ffmpeg(arguments.upstream, row, "", "error") if there else None
    if column == "ours":
        return ffmpeg(arguments.ours, row, row["options"], "verbose")
    if column == "best":
        return ffmpeg(arguments.ours, row, row["options"] + ":" + row["best"], "error") if row["best"] else None
    if column == "bare":
        return bare(arguments, row, row["best_bare"])
    if column == "same":
        return bare(arguments, row, row["chosen"])
    loop = [PYTHON, os.path.join(HERE, "world_loop.py")]
    if row["source"]:
        return loop + ["eager", arguments.networks, os.path.join(arguments.out, "networks"), row["title"]]
    return loop + ["script", row["file"], row["raw"], row["width"], row["height"], row["channels"], row["frames"]]


def form_of(text):
    """The form that ffmpeg says it runs, as options."""
    said = re.findall(r" runs ((?:as loaded|frozen|optimized|fused).*)$", text, re.M)
    return FORMS.get(said[-1].strip()) if said else None


def search(arguments, patience, row):
    """The best exact options of ours and of the bare loop, by trials."""
    default = patience.run(arguments, command(arguments, row, "ours"))
    form = form_of(default.text)
    if not form:
        raise meter.Failed("it does not say its form: " + default.text.strip()[-200:])
    # none of these networks has state
    row["chosen"] = f"{form}:workers={WORKERS}:threads={CORES // WORKERS}"

    patience.wait()
    lines = [line.split("\t") for line in output(
        [arguments.bare, "search", row["file"]] + shape(row) + [arguments.seconds, "fp32"]).splitlines()]
    row["forms"] = {name: float(ms) for name, ms in lines if "workers=" not in name}
    found = {name: float(fps) for name, fps in lines if "workers=" in name}
    trials, row["inexact"] = {"": default.fps}, []
    for options in sorted(found, key=found.get, reverse=True):
        if len(trials) > 3 or split(options)[0] in row["inexact"]:
            continue
        got = patience.run(arguments, ffmpeg(arguments.ours, row, row["options"] + ":" + options, "verbose"))
        if form_of(got.text) == split(options)[0]:
            trials[options] = got.fps
        else:
            row["inexact"].append(split(options)[0])
    row["bare_trials"], row["trials"] = found, trials
    row["best"] = max(trials, key=trials.get)
    row["best_bare"] = next(o for o in sorted(found, key=found.get, reverse=True) if split(o)[0] not in row["inexact"])
    say(f"{row['title']:26} runs {row['chosen']}, best {row['best'] or 'so'}, bare {row['best_bare']}")


# ---- Measuring -----------------------------------------------------------------

def measure(arguments):
    todo = [(lambda n=name, k=kind: export(arguments, k, n), name) for kind, names in PUBLIC.items() for name in names
            if arguments.networks]
    todo += [(lambda o=o: own(arguments, *o), o[1]) for o in OWN]
    todo = [(make, name) for make, name in todo if name in arguments.names or not arguments.names]
    if not todo:
        die("there is no such network")
    rows = []
    began, patience = time.monotonic(), Patience(arguments.patience)

    for make, name in todo:
        try:
            row = make()
            search(arguments, patience, row)
        except (meter.Failed, OSError, TypeError) as e:
            die(f"{name}: the search for its best options failed: {e}")
        row["cells"] = {column: [] for column in COLUMNS}
        rows.append(row)

    for number in range(arguments.rounds):
        for row in rows:
            # there and back, so that no column always follows the same one
            for column in list(COLUMNS)[::-1 if number % 2 else 1]:
                if column == "same" and number or not command(arguments, row, column):
                    continue
                try:
                    sample = patience.run(arguments, command(arguments, row, column))
                except meter.Failed as e:
                    if column != "upstream":
                        die(f"{row['title']}, {COLUMNS[column]}: {e}")
                    row["refused"] = str(e)
                    say(f"{row['title']}, {COLUMNS[column]}: {e}")
                    continue
                if column == "ours":
                    row.setdefault("chosen_each", []).append(form_of(sample.text))
                sample.text = ""
                row["cells"][column].append(dataclasses.asdict(sample))
            medians = "  ".join(f"{column} {row['cells'][column][-1]['fps']:.4g}" for column in COLUMNS if row["cells"][column])
            say(f"{number + 1}/{arguments.rounds} {time.monotonic() - began:5.0f} s  {row['title']:26} {medians}")
    return {"rows": rows, "cpu": cpu_name(), "cores": CORES, "rounds": arguments.rounds, "seconds": arguments.seconds,
            "libtorch": output([arguments.bare, "version"]).strip(), "took": time.monotonic() - began}


# ---- The page ------------------------------------------------------------------

def rates(row, column):
    """Frames/s of each round; where nothing is better than the default, best is that."""
    return [c["fps"] for c in row["cells"]["ours" if column == "best" and not row["best"] else column]]


def fps(row, column):
    values = rates(row, column)
    return number(statistics.median(values)) if values else ""


def ratio(row, column):
    """Of ours to a column: of each round, their median."""
    pairs = [a / b for a, b in zip(rates(row, "ours"), rates(row, column))]
    return statistics.median(pairs) if pairs else None


def memory(row):
    return row["cells"]["ours"][0]["memory"] / row["cells"]["same"][0]["memory"]


def short(options):
    """optimize=freeze:memory_format=channels_last:workers=2:threads=1 -> freeze CL 2×1"""
    found = re.fullmatch(r"optimize=(\w+):memory_format=(\w+)(?::workers=(\d+):threads=(\d+))?", options)
    return found[1] + (" CL" if found[2] == "channels_last" else "") + (f" {found[3]}×{found[4]}" if found[3] else "")


def shown(value, least):
    text = "" if value is None else f"{value:.2f}"
    return f"**{text}**" if text and least and value < least else text


def speed_table(rows):
    return table(["network", "kind", "size"] + list(COLUMNS.values()),
                 [[r["title"], r["kind"], f"{r['width']}×{r['height']}"] + [fps(r, c) for c in COLUMNS] for r in rows])


def ratio_table(rows):
    lines = []
    for r in rows:
        ratios = [shown(ratio(r, column), least) for column, least in GOALS.values()]
        mb = memory(r)
        same = statistics.median(rates(r, "ours")) / statistics.median(rates(r, "same"))
        lines.append([r["title"]] + ratios + [f"**{mb:.2f}**" if mb > MEMORY else f"{mb:.2f}", f"{same:.2f}",
                                              short(r["chosen"]), short(r["best"]) if r["best"] else "the default",
                                              short(r["best_bare"])])
    medians = ["**median**"]
    for column, _ in GOALS.values():
        values = [v for v in (ratio(r, column) for r in rows) if v]
        medians.append(f"{statistics.median(values):.2f}" if values else "")
    medians += [f"{statistics.median(map(memory, rows)):.2f}", "", "", "", ""]
    return table(["ratio"] + list(GOALS) + ["memory", "ours : bare, as ours", "ours runs", "best", "bare"], lines + [medians])


def shortfalls(rows):
    """What is not as it should be, one line each."""
    found = []
    for title, (column, least) in GOALS.items():
        if least:
            low = sorted((ratio(r, column), r["title"]) for r in rows if ratio(r, column) and ratio(r, column) < least)
            found.append(f"{title} at least {least}: " + (f"{len(low)} of {len(rows)} rows fall short: " + ", ".join(
                f"{name} {value:.2f}" for value, name in low) if low else "all rows"))
    middle = statistics.median(ratio(r, "python") for r in rows)
    found.append(f"ours : Python at least {PYTHON_MEDIAN} in the median: {middle:.2f}" +
                 ("" if middle >= PYTHON_MEDIAN else ", falls short"))
    much = sorted(((memory(r), r["title"]) for r in rows if memory(r) > MEMORY), reverse=True)
    found.append(f"memory at most {MEMORY} times that of the bare loop as ours: " + (
        f"{len(much)} of {len(rows)} rows need more: " + ", ".join(f"{name} {value:.2f}" for value, name in much)
        if much else "all rows"))
    return found


def disturbance(results):
    return statistics.mean(s["others"] for r in results["rows"] for cell in r["cells"].values() for s in cell)


def page(results):
    text = ["# The networks that people have\n",
            "Written by `make bench` (`tests/bench/world.py`). Frames/s on "
            f"{results['cores']} cores of {results['cpu']}, LibTorch {results['libtorch']}, fp32; "
            f"{results['rounds']} rounds of {results['seconds']:g} s a cell, medians; the start does not count. "
            "The frames are raw, the output is dropped. "
            f"Other programs took {disturbance(results):.0%} of the cores meanwhile.\n",
            "*best*: the fastest of `optimize`, `memory_format`, `workers` and `threads` that give the same picture, found "
            "by trials. *bare loop*: `forward()` on a ready tensor and nothing else, in the best of its exact forms; and in "
            "the form and with the workers that ours has by default. *Python*: a tensor of a frame, the network, bytes of "
            "its output, without pipes, in torch's own number of threads "
            f"({', '.join(sorted({str(r['threads']) for r in results['rows'] if 'threads' in r})) or '?'} here). FFmpeg 9.0.2 is mended "
            "(`upstream-9.0.2.diff`), without options that it has not; empty: it does not take the network.\n",
            "Ratios are taken in each round. `freeze CL 2×1`: `optimize=freeze:memory_format=channels_last:workers=2:"
            "threads=1`. Python is the eager loop where there is source. *Memory* is the peak of ffmpeg to that of the bare "
            "loop as ours. **Bold** falls short of its goal.\n"]
    for title, source in (("Public networks", True), ("Networks of our own", False)):
        rows = [r for r in results["rows"] if r["source"] == source]
        if rows:
            text += [f"## {title}\n", speed_table(rows), ratio_table(rows)]
            text += ["\n".join("- " + line for line in shortfalls(rows)) + "\n"]
    return "\n".join(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("ours", "upstream", "bare", "nets", "out"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--networks", default="")
    parser.add_argument("--page", default="")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.2)
    parser.add_argument("--limit", type=float, default=20, help="seconds of a measurement, its start among them")
    parser.add_argument("--patience", type=float, default=300, help="seconds to wait for others and to repeat, in all")
    parser.add_argument("--report", action="store_true")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    os.makedirs(arguments.out, exist_ok=True)
    arguments.out = os.path.abspath(arguments.out)
    kept = os.path.join(arguments.out, "world.json")

    if arguments.report:
        try:
            with open(kept) as f:
                results = json.load(f)
        except OSError as e:
            die(f"nothing was measured: {e}")
    else:
        results = measure(arguments)
        if os.path.exists(kept):
            # rows that were not measured now stay
            with open(kept) as f:
                old = json.load(f)["rows"]
            new = {row["title"]: row for row in results["rows"]}
            results["rows"] = [new.pop(row["title"], row) for row in old]
            results["rows"] += new.values()
        with open(kept, "w") as f:
            json.dump(results, f, indent=1)
    with open(arguments.page or os.path.join(arguments.out, "world.md"), "w") as f:
        f.write(page(results))
    for source in (True, False):
        rows = [r for r in results["rows"] if r["source"] == source]
        if rows:
            say("public networks" if source else "networks of our own")
            say("\n".join("    " + line for line in shortfalls(rows)))


if __name__ == "__main__":
    main()
