# SPDX-License-Identifier: LGPL-2.1-or-later
"""Frames/s of a program that runs for ever and prints frame=N.

That is ffmpeg with -progress, and the loops of this folder. The start does not
count: what is measured lies between two lines, the first of them after some frames.
"""
import dataclasses
import os
import re
import select
import signal
import statistics
import subprocess
import tempfile
import time

from measure import CORES, Failed

TICK = os.sysconf("SC_CLK_TCK")
DISTURBED = 0.1


@dataclasses.dataclass
class Sample:
    fps: float
    memory: float               # peak of the largest process, MB
    others: float               # part of the cores that other programs took meanwhile
    text: str = ""              # what it said


def processes(session):
    """The processes of a session: a program, and what it started."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as f:
                fields = f.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == session:
            yield int(pid), fields


def cpu_seconds(session):
    # with those that have ended and were waited for
    return sum(sum(map(int, fields[11:15])) for _, fields in processes(session)) / TICK


def busy_seconds():
    """CPU time of everything on this machine, and what was taken from it."""
    with open("/proc/stat") as f:
        fields = list(map(int, f.readline().split()[1:]))
    return (sum(fields[:3]) + sum(fields[5:8])) / TICK


def peak(session):
    most = 0
    for pid, _ in processes(session):
        try:
            with open(f"/proc/{pid}/status") as f:
                most = max(most, int(re.search(r"VmHWM:\s+(\d+)", f.read())[1]))
        except (OSError, TypeError):
            pass
    return most / 1024


def run(command, seconds, first=3, least=10, limit=120):
    """Measure until so many seconds and frames have passed; at most limit seconds in all."""
    with tempfile.TemporaryFile() as messages:
        begun = time.monotonic()
        process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=messages, start_new_session=True)
        try:
            return watch(process, begun, seconds, first, least, limit, messages)
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
            process.stdout.close()


def watch(process, begun, seconds, first, least, limit, messages):
    frame, rest = 0, b""
    points = []                 # (time, frame), after the first frames
    own = everything = 0        # CPU seconds until then
    while True:
        now = time.monotonic()
        if len(points) > 1 and (now - begun > limit or (
                points[-1][0] - points[0][0] >= seconds and points[-1][1] - points[0][1] >= least)):
            break
        ready = select.select([process.stdout], [], [], 0.5)[0]
        data = os.read(process.stdout.fileno(), 1 << 16) if ready else b""
        if (ready and not data) or now - begun > limit + 60:
            process.wait(10) if ready else None
            messages.seek(0)
            lines = messages.read().decode(errors="replace").strip().splitlines()
            raise Failed(lines[-1][:200] if lines else f"it ended with {process.returncode}" if ready
                         else "it took too long")
        found = re.findall(rb"frame= *(\d+)\s", rest + data)
        rest = (rest + data)[-64:]
        # a number that is the same is no news
        if not found or int(found[-1]) <= frame:
            continue
        frame = int(found[-1])
        if frame < first:
            continue
        if not points:
            own, everything = cpu_seconds(process.pid), busy_seconds()
        points.append((time.monotonic(), frame))
    own, everything = cpu_seconds(process.pid) - own, busy_seconds() - everything
    messages.seek(0)
    frames, seconds = points[-1][1] - points[0][1], points[-1][0] - points[0][0]
    # the slope, not the ends: two workers' frames may come in pairs
    slope = statistics.linear_regression(*zip(*points)).slope if len(points) > 2 else frames / seconds
    return Sample(slope, peak(process.pid), max(0.0, (everything - own) / seconds / CORES),
                  messages.read().decode(errors="replace"))


def wait_for_quiet(most):
    """Until others take less than DISTURBED of the cores. @return seconds it took, no more than most"""
    begun = time.monotonic()
    while True:
        now, busy = time.monotonic(), busy_seconds()
        time.sleep(0.25)
        if (busy_seconds() - busy) / (time.monotonic() - now) / CORES < DISTURBED or now - begun > most:
            return now - begun
