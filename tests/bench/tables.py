# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the pages of the benchmark have in common."""


def cpu_name():
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return "unknown CPU"


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(header, lines):
    return "\n".join("| " + " | ".join(cells) + " |" for cells in
                     [header, ["---"] * len(header)] + lines) + "\n"
