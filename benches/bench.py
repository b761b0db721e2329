"""Runs the steps of benches/rows.toml, prints one table with ratios, and writes BENCHMARKS.md.

scripts/bench starts it, with what it needs in the environment. Only Python's standard library.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OURS = "freezerd"


def main():
    arguments = argparse.ArgumentParser(prog="scripts/bench", description=__doc__.splitlines()[0])
    arguments.add_argument("--short", action="store_true", help="a few minutes, rougher numbers; writes no file")
    arguments.add_argument("--only", action="append", metavar="STEP", help="only this step; writes no file")
    options = arguments.parse_args()
    plan = tomllib.loads((ROOT / "benches/rows.toml").read_text())
    names = [step["name"] for step in plan["step"]]
    for name in options.only or []:
        if name not in names:
            arguments.error(f"no step is called {name}; there are: {', '.join(names)}")
    steps = [step for step in plan["step"] if not options.only or step["name"] in options.only]
    if options.short:
        os.environ["BENCH_SHORT"] = "1"
    began = time.monotonic()
    failed = [step["name"] for step in steps if not build(step)]
    rows = []
    for step in steps:
        if step["name"] in failed:
            continue
        say(f"[{time.monotonic() - began:.0f} s] measuring: {step['name']}")
        measured = measure(step, options.short)
        rows += measured or []
        if measured is None:
            failed.append(step["name"])
    text = report(plan, rows)
    print(text)
    for name in failed:
        say(f"step {name} failed; its rows are missing")
    if not failed and not options.short and not options.only:
        (ROOT / "BENCHMARKS.md").write_text(introduction(time.monotonic() - began) + text)
        say("written: BENCHMARKS.md")
    return 1 if failed else 0


def say(text):
    print(text, file=sys.stderr, flush=True)


def build(step):
    return "build" not in step or run(step["build"], stdout=None).returncode == 0


def run(command, **more):
    return subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=ROOT, **more)


def measure(step, short):
    """The rows of one step; None if it failed."""
    if step.get("criterion"):
        # Its own folder: only what this run measures is in it.
        home = ROOT / "target/criterion-bench" / step["name"]
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        command = step["run"] + (" --quick" if short else " --noplot")
        done = run(command, env={**os.environ, "CRITERION_HOME": str(home)}, stdout=subprocess.DEVNULL)
        return list(criterion_rows(home)) if done.returncode == 0 else None
    done = run(step["run"], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        return None
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def criterion_rows(home):
    for file in sorted(home.glob("**/new/benchmark.json")):
        about = json.loads(file.read_text())
        value = json.loads(file.with_name("estimates.json").read_text())["median"]["point_estimate"]
        row = {"work": about["group_id"], "who": about["function_id"], "value": value}
        if about.get("value_str"):
            row["size"] = int(about["value_str"])
        yield row


def report(plan, rows):
    """Markdown: a table a concern, then how the cost grows."""
    text = []
    for table in plan["table"]:
        lines = [line for row in table["rows"] for line in table_lines(row, rows)]
        if lines:
            head = ["| work | freezerd | target | peers, and how many times freezerd they take |", "|---|---|---|---|"]
            text += [f"## {table['title']}", "", table["text"], "", *head, *lines, ""]
    known = {row["work"]: row for table in plan["table"] for row in table["rows"]}
    for work in {row["work"]: 0 for row in rows}:
        if work not in known:
            say(f"benches/rows.toml has no row {work!r}; it is left out")
    text += growth(known, rows)
    return "\n".join(text)


def table_lines(row, rows):
    found = [one for one in rows if one["work"] == row["work"]]
    if not found:
        say(f"nothing was measured for {row['work']!r}")
        return
    sizes = {one.get("size") for one in found}
    size = row.get("size", max(sizes, key=lambda size: size or 0))
    here = [one for one in found if one.get("size") == size]
    ours = next((one["value"] for one in here if one["who"] == OURS), None)
    unit = row["unit"]
    target = "" if "target" not in row else f"{'>=' if unit == 'per_s' else '<='} {shown(row['target'], unit)}"
    if target and ours is not None and (ours < row["target"] if unit == "per_s" else ours > row["target"]):
        target += " (missed)"
    peers = [f"{one['who']}: {shown(one['value'], unit)}{times(ours, one['value'], unit)}" for one in here if one["who"] != OURS]
    work = row["work"] + (f", {size:,}" if size else "") + (f" ({row['note']})" if "note" in row else "")
    yield f"| {work} | {'' if ours is None else shown(ours, unit)} | {target} | {'; '.join(peers)} |"


def times(ours, theirs, unit):
    """As ` (24x)`: how many times what freezerd takes; for rates, how many times as fast freezerd is."""
    if not ours or not theirs:
        return ""
    ratio = ours / theirs if unit == "per_s" else theirs / ours
    return f" ({ratio:,.0f}x)" if ratio >= 9.5 else f" ({ratio:.2g}x)"


def growth(known, rows):
    sized = [row for row in rows if row.get("size") and row["work"] in known]
    sizes = sorted({row["size"] for row in sized})
    lines = {}
    for row in sized:
        cells = lines.setdefault((row["work"], row["who"]), {})
        cells[row["size"]] = shown(row["value"], known[row["work"]]["unit"])
    lines = {key: cells for key, cells in lines.items() if len(cells) > 1}
    if not lines:
        return []
    text = ["## How the cost grows", ""]
    text += [f"| work | whose | {' | '.join(f'{size:,}' for size in sizes)} |", "|---|---|" + "---|" * len(sizes)]
    text += [f"| {work} | {who} | {' | '.join(cells.get(size, '') for size in sizes)} |" for (work, who), cells in lines.items()]
    return [*text, ""]


def shown(value, unit):
    """For people: three digits that count."""
    scales = {
        "ns": [(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1, "ns")],
        "bytes": [(1e9, "GB"), (1e6, "MB"), (1e4, "KB"), (1, "bytes")],
        "per_s": [(1e6, "million/s"), (1, "/s")],
    }.get(unit, [(1, unit)])
    scale, name = next(((scale, name) for scale, name in scales if abs(value) >= scale), scales[-1])
    number = value / (1e3 if name == "KB" else scale)
    digits = f"{number:,.0f}" if number >= 100 or number == int(number) else f"{number:.3g}"
    return f"{digits}{'' if name == '/s' else ' '}{name}".strip()


def introduction(seconds):
    said = lambda *command: subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip()
    cpu = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    memory = re.search(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(), re.M)
    dirty = " with changes" if said("git", "status", "--porcelain", "--untracked-files=no") else ""
    return f"""# Benchmarks

Written by `make bench`; nothing in it is typed by hand. All rows are of one run on one machine, peers included, so
read the ratios: the nanoseconds are this machine's.

| | |
|---|---|
| commit | {said("git", "rev-parse", "--short", "HEAD")}{dirty} |
| machine | {os.cpu_count()} cores, {cpu.group(1) if cpu else platform.machine()}, {int(memory.group(1)) // 1024 // 1024} GiB; load {os.getloadavg()[2]:.1f} over the 15 minutes before |
| system | {platform.system()} {platform.release()} |
| rustc | {said("rustc", "--version")} |
| Python | {platform.python_version()} |
| took | {seconds / 60:.0f} minutes |

Micro-benchmarks are criterion's medians. Sizes are growths of resident memory over 100,000 kept schedules, counted page by page (of Python:
as tracemalloc counts). Whole-process rows are of the release binary.

"""


if __name__ == "__main__":
    sys.exit(main())
