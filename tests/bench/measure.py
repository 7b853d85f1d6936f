# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is measured: places, rows and columns, and how one of each is run."""
import dataclasses
import os
import re
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CORES = len(os.sched_getaffinity(0))
WORKERS = min(CORES, 4)         # as the backend chooses them


@dataclasses.dataclass
class Place:
    """A LibTorch, and what was built with it. prefix: how to run a command there."""
    name: str
    prefix: list
    ours: str
    upstream: str
    bare: str
    nets: str
    onnx: bool                  # ours has upstream's onnx backend there
    bf16: bool                  # it is fast there
    version: str = ""


@dataclasses.dataclass
class Row:
    """frames: of a run of the fast columns; slow: of the others. clip: a file, else made frames."""
    name: str
    title: str
    width: int
    height: int
    frames: int
    slow: int
    scale: int = 1
    channels: int = 3
    net: str = ""
    clip: str = ""

    def file(self, place, ending="pt"):
        return self.net if self.net and ending == "pt" else os.path.join(place.nets, f"{self.name}.{ending}")

    def source(self, frames):
        """The options of ffmpeg that make the frames.

        Eight different ones, over and over, at next to no cost. They end by
        themselves: upstream crashes when it is stopped early.
        """
        if self.clip:
            return ["-stream_loop", "-1", "-i", self.clip, "-map", "0:v"], f"trim=end_frame={frames},format=yuv420p"
        return ["-f", "lavfi", "-i",
                f"testsrc2=s={self.width}x{self.height},trim=end_frame=8,format=rgb24,"
                f"loop=loop=-1:size=8,trim=end_frame={frames}"], ""

    def encoder(self):
        return ["-c:v", "mpeg4", "-q:v", "3"] if self.clip else []


@dataclasses.dataclass
class Ran:
    """One command: its seconds, its peak of memory (MB), what it wrote."""
    seconds: float
    memory: float
    text: str


@dataclasses.dataclass
class Sample:
    """One measurement of a cell."""
    fps: float
    memory: float               # peak of the long run, MB
    memory_short: float         # and of the short one


class Failed(Exception):
    pass


def run(place, command, errors=False):
    # files, not pipes: whoever fills a pipe that is read at the end stands still
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as messages:
        start = time.monotonic()
        process = subprocess.Popen(place.prefix + [str(c) for c in command], stdin=subprocess.DEVNULL,
                                   stdout=out, stderr=out if errors else messages)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        messages.seek(0)
        text, message = out.read().decode(errors="replace"), messages.read().decode(errors="replace")
    if process.returncode:
        last = (message or text).strip().splitlines()[-1:]
        raise Failed(f"exit code {process.returncode}: {' '.join(last)[:200]}")
    return Ran(seconds, usage.ru_maxrss / 1024, text)


def pipeline(binary, row, backend, frames, verbosity="error"):
    """The command that runs a network in ffmpeg over so many frames."""
    source, first = row.source(frames)
    filters = ",".join(filter(None, [first, "dnn_processing=" + backend]))
    return [binary, "-v", verbosity, "-nostdin"] + source + ["-vf", filters] + row.encoder() + ["-f", "null", "-"]


def rate(place, binary, row, backend, frames):
    """Frames/s without start and end: from a run and one of about a tenth of it."""
    few = max(4, frames // 10)
    short = run(place, pipeline(binary, row, backend, few))
    long = run(place, pipeline(binary, row, backend, frames))
    if long.seconds <= short.seconds:
        raise Failed(f"{frames} frames took no longer than {few}: too few, or the machine is busy")
    return Sample((frames - few) / (long.seconds - short.seconds), long.memory, short.memory)


def printed_rate(place, command):
    done = run(place, command)
    return Sample(float(done.text.split()[0]), done.memory, done.memory)


def torch_net(place, row, options=""):
    return f"dnn_backend=torch:model={row.file(place)}{options}"


def bare(place, row, precision, frames, workers=WORKERS):
    return printed_rate(place, [place.bare, "loop", row.file(place), row.channels, row.height, row.width,
                                frames, workers, max(1, CORES // workers), precision,
                                min((ms, form) for form, ms in forms(place, row, precision).items())[1]])


# ---- Columns: name, title, colour, whether it is slow, where it is, how it is measured.

@dataclasses.dataclass
class Column:
    name: str
    title: str
    colour: str
    measure: object             # (place, row, frames, best) -> Sample
    slow: bool = False
    there: object = lambda place, row: True


def has_convolutions(place, row):
    return row.name != "identity"


def column_upstream(place, row, frames, best):
    return rate(place, place.upstream, row, torch_net(place, row), frames)


def column_onnx(place, row, frames, best):
    return rate(place, place.ours, row,
                f"dnn_backend=onnx:model={row.file(place, 'onnx')}:input=x:output=y", frames)


def column_python(place, row, frames, best):
    source, filters = row.source(frames)
    return printed_rate(place, ["/usr/bin/python3", os.path.join(HERE, "python_loop.py"), place.ours,
                                row.file(place), row.width, row.height, row.scale,
                                "yuv420p" if row.clip else "rgb24"] + source +
                               (["-vf", filters] if filters else []))


def column_package(precision):
    return lambda place, row, frames, best: rate(
        place, place.ours, row, f"dnn_backend=torch:model={place.nets}/{row.name}-{precision}.pt2", frames)


def has_package(place, row):
    return place.bf16 and row.name == "espcn"


def ours(options):
    return lambda place, row, frames, best: rate(place, place.ours, row, torch_net(place, row, options), frames)


COLUMNS = [
    Column("upstream", "FFmpeg 9.0.2", "#9e9e9e", column_upstream, slow=True,
           there=lambda place, row: row.channels == 3),
    Column("onnx", "its onnx backend", "#616161", column_onnx,
           there=lambda place, row: place.onnx),
    Column("sync", "ours, async=0", "#90caf9", ours(":async=0")),
    Column("ours", "ours", "#1565c0", ours("")),
    Column("best", "ours, best fp32", "#0d47a1",
           lambda place, row, frames, best: rate(place, place.ours, row, torch_net(place, row, best), frames)),
    Column("bf16", "ours, bf16", "#7e57c2", ours(":precision=bf16"),
           there=lambda place, row: place.bf16 and has_convolutions(place, row)),
    Column("pt2", "ours, .pt2", "#26a69a", column_package("fp32"), there=has_package),
    Column("pt2_bf16", "ours, .pt2 of bf16", "#00695c", column_package("bf16"), there=has_package),
    Column("bare", "bare loop", "#43a047", lambda place, row, frames, best: bare(place, row, "fp32", frames),
           there=has_convolutions),
    Column("bare_bf16", "bare loop, bf16", "#a5d6a7", lambda place, row, frames, best: bare(place, row, "bf16", frames),
           there=lambda place, row: place.bf16 and has_convolutions(place, row)),
    Column("python", "Python loop", "#ef6c00", column_python, slow=True),
]

# ---- Ratios that are claims: title, of what, to what, least value by row.

RATIOS = [
    ("ours / bare", "ours", "bare", {"espcn": 0.95, "compact": 0.95, "two": 0.90}),
    ("ours / 9.0.2", "ours", "upstream", {"espcn": 3.0, "two": 4.0, "identity": 4.0, "compact": 2.5}),
    ("ours / Python", "ours", "python", {"espcn": 1.5, "two": 2.0}),
    ("best / onnx", "best", "onnx", {"espcn": 1.0, "compact": 1.0}),
    ("bf16 / best", "bf16", "best", {"espcn": 1.8}),
    (".pt2 of bf16 / 9.0.2", "pt2_bf16", "upstream", {"espcn": 6.0}),
    ("async / sync", "ours", "sync", {"espcn": 1.0, "two": 1.0, "identity": 1.3, "compact": 1.0, "demo": 1.0}),
]

# What "ours, best fp32" chooses from, by a trial of each.
EXACT_OPTIONS = ["", ":workers=1", ":batch_size=2", ":optimize=inference:memory_format=contiguous",
                 ":optimize=freeze:memory_format=channels_last"]


def best_options(place, row, frames):
    """The fastest of the exact options in a trial, and what each of them did."""
    trials = {o: rate(place, place.ours, row, torch_net(place, row, o), frames).fps for o in EXACT_OPTIONS}
    return max(trials, key=trials.get), trials


def psnr_bf16(place, row, clip, frames):
    """dB of the output with bf16 against that with fp32, over real frames."""
    first = f"trim=end_frame={frames}," + ("format=yuv420p" if row.clip
                                           else f"scale={row.width}:{row.height},format=rgb24")
    both = ";".join(f"[{i}]dnn_processing={torch_net(place, row, options)}[{i}{i}]"
                    for i, options in (("a", ""), ("b", ":precision=bf16")))
    done = run(place, [place.ours, "-v", "info", "-nostdin", "-nostats", "-i", clip, "-filter_complex",
                       f"[0:v]{first},split[a][b];{both};[aa][bb]psnr", "-an", "-f", "null", "-"], errors=True)
    found = re.search(r"average:(inf|[0-9.]+)", done.text)
    if not found:
        raise Failed("no PSNR was printed")
    return float(found.group(1))


FORMS = {}


def forms(place, row, precision, seconds=3):
    """ms of CPU time by form with one thread; measured once, at the first size."""
    key = place.name, row.name, precision
    if key not in FORMS:
        done = run(place, [place.bare, "forms", row.file(place), row.channels, row.height, row.width, seconds,
                           precision])
        FORMS[key] = {name: float(ms) for name, ms in (line.split("\t") for line in done.text.splitlines())}
    return FORMS[key]
