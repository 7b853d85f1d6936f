#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""table.py DOCUMENT.md RESULTS.json ...

Writes the tables of what run.py found between the marks in the document."""

import json
import re
import statistics
import sys


def short(text):
    """@return a form in the words of the option that sets it"""
    text = text.replace("optimized for inference", "inference").replace("as loaded", "none").replace("frozen", "freeze")
    return text.replace("channels last", "CL").replace(", contiguous", "").replace("fused", "fuse")


def reduced(r):
    """@return how precision=bf16 runs"""
    said = " ".join(r.get("bf16_said", []))
    how = "fp32" if "it runs in fp32" in said else "mixed" if re.search("NET runs [^']*mixed", said) else "all"
    return how + (", slower" if "slower than fp32" in said else "")


def batches(r):
    return "1" if "frame by frame" in " ".join(r.get("batch_said", [])) else "3"


def number(value):
    return "" if value is None else f"{value:.3g}" if value < 100 else f"{value:.0f}"


def ratio(r, ours, other):
    return number(r[ours] / r[other]) if r.get(ours) and r.get(other) else ""


def picture_table(results):
    yield "| kind | network | repository | weights | export | size | options | fp32 | bf16 | runs in bf16 | batches of |"
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for name, r in results.items():
        options = f"`{r['options'][1:]}`" if r["options"] else ""
        yield (f"| {r['what']} | {name}{'' if r['known'] else ' *'} | {r['repository']} | {'real' if r['trained'] else 'random'} "
               f"| {r['how']} | {r['input'][0]}×{r['input'][1]} | {options} | {r['fp32']} | {r['bf16']} | {reduced(r)} "
               f"| {batches(r)} |")


def speed_table(results):
    yield "| network | form | ours | Python, eager | Python, TorchScript | ours : better loop | MiB | two loops | ratio |"
    yield "|---|---|---|---|---|---|---|---|---|"
    found = []
    for name, r in results.items():
        if not r.get("ours"):
            continue
        best = max(r["eager"], r["script"])
        found.append(r["ours"] / best)
        yield (f"| {name} | {short(r['form'])} | {number(r['ours'])} | {number(r['eager'])} | {number(r['script'])} "
               f"| {number(r['ours'] / best)} | {number(r.get('memory_20'))} | {number(r.get('load_two'))} | {ratio(r, 'memory_20', 'load_two')} |")
    if found:
        yield ""
        yield (f"{len(found)} networks: {min(found):.2f} to {max(found):.2f} times the better Python loop, "
               f"{statistics.median(found):.2f} in the median; {sum(f < 1 for f in found)} slower than it.")


def main():
    results = {}
    for file in sys.argv[2:]:
        for name, r in json.load(open(file)).items():
            if "not_built" not in r:
                results.setdefault(name, {}).update(r)
    results = {name: r for name, r in results.items() if "fp32" in r}
    order = sorted(results, key=lambda name: (results[name]["what"].split(",")[0], name))
    results = {name: results[name] for name in order}
    counts = (f"{len(results)} networks of {len({r['repository'] for r in results.values()})} repositories, "
              f"{sum(r['trained'] for r in results.values())} with the weights of their authors, "
              f"{sum(not r['known'] for r in results.values())} (*) that this project had not been tried with.")
    with open(sys.argv[1]) as file:
        text = file.read()
    for mark, lines in (("counts", [counts]), ("pictures", picture_table(results)), ("speed", speed_table(results))):
        text = re.sub(f"(<!-- {mark} -->\n).*?(<!-- end -->)", lambda m: m[1] + "\n".join(lines) + "\n" + m[2], text, flags=re.S)
    with open(sys.argv[1], "w") as file:
        file.write(text)


if __name__ == "__main__":
    main()
