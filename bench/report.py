"""Runs every bench and writes ``README.md`` beside it: one table from the JSON lines, so that nobody types a figure.

``python bench/report.py`` measures and writes; ``--from FILE`` only writes, from the lines of an earlier run.
Not here: measuring (the programs beside it), and what a budget is based on (the design).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from budgets import NOT_YET, ROWS
from measured import environment, python

if TYPE_CHECKING:
    from collections.abc import Sequence

    from row import Figures

HERE = Path(__file__).resolve().parent
LINES = HERE / "figures.jsonl"
PAGE = HERE / "README.md"
PROGRAMS = (
    "log_latency",
    "log_throughput",
    "memory",
    "restart",
    "end_to_stop",
    "fast_lane",
    "help_time",
    "checkpoints_judge",
    "install",
    "container",
    "log_cuts",
)
HEAD = """# What is measured, against whom

`make bench` runs the programs in this folder and writes this page; the raw lines are in `figures.jsonl`. Each figure is
the median of 5 runs, the rivals run in the same session on the same machine, and variables that begin with `PYTHON`
are cleared. A ratio is ours divided by theirs.
"""


def measure(program: str) -> list[Figures]:
    """The lines of one program; a line that says why where it failed."""
    print(f"== {program}", file=sys.stderr, flush=True)
    here, began = {"commit": commit(), "load": round(os.getloadavg()[0], 1)}, time.monotonic()
    done = subprocess.run(
        python(HERE / f"{program}.py"), env=environment(), stdout=subprocess.PIPE, text=True, check=False
    )
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode:
        found.append({"bench": program, "who": "podkeep", "failed": f"exit code {done.returncode}"})
    print(f"== {program} took {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return [line | here for line in found]


def circumstances() -> Figures:
    """Where, when, and of what these figures are."""
    return {
        "bench": "circumstances",
        "commit": commit(),
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "system": platform.system() + " " + platform.release().split("-")[0],
        "python": platform.python_version(),
    }


def machine(here: Figures | None = None) -> str:
    """In words, without its name."""
    here = here or circumstances()
    return f"{here['cores']} cores ({here['processor']}), {here['system']}, Python {here['python']}"


def commit() -> str:
    """Of the code, with a plus where it was changed since."""
    code = (
        "--",
        "../agent",
        "../client",
        "../image",
        "../Dockerfile",
        "../entrypoint.sh",
        "../last_resort.sh",
    )
    return (_git("rev-parse", "--short=12", "HEAD") or "unknown") + (
        "+" if _git("status", "--porcelain", *code) else ""
    )


def _git(*words: str) -> str:
    git = ["git", "-C", str(HERE), *words]
    return subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def table(lines: Sequence[Figures]) -> list[str]:
    """The rows, and below them the notes of what was missed."""
    shown = ["| what | rivals | ours | ratio | budget | met |", "| --- | --- | --- | --- | --- | --- |"]
    notes = []
    for row in ROWS:
        ours = row.ours(lines)
        met = row.is_met(lines)
        words = {None: "-", True: "yes", False: "**no**"}[met]
        rivals = "; ".join(row.rivals(lines)) or "-"
        ratios = "; ".join(row.ratios(lines)) or "-"
        shown.append(f"| {row.what} | {rivals} | {ours} | {ratios} | {row.budget} | {words} |")
        if met is False:
            notes.append(f"- **{row.what}**: {row.note or 'missed on this machine and day'}")
    return shown if not notes else [*shown, "", "## What was missed", "", *notes]


def page(lines: Sequence[Figures]) -> str:
    here = next(line for line in lines if line["bench"] == "circumstances")
    loads = [line["load"] for line in lines if "load" in line] or [0.0]
    others = {line["bench"]: line["commit"] for line in lines if line["commit"] != here["commit"]}
    other = "".join(f" {bench} ran on `{commit}`." for bench, commit in others.items())
    told = (
        f"Commit `{here['commit']}`; {here['date']}; {machine(here)}; "
        f"load average {min(loads)} to {max(loads)} when the programs began.{other}"
    )
    absent = [
        f"- {line['who']} ({line['bench']}): {line['skipped']}" for line in lines if line.get("skipped")
    ]
    failed = [f"- {line['bench']}: {line['failed']}" for line in lines if line.get("failed")]
    parts = [HEAD, told, "", *table(lines)]
    if absent or failed:
        parts += ["", "## What did not run", "", *dict.fromkeys([*failed, *absent])]
    parts += ["", "## How to read it", "", *[f"- **{row.what}**: {row.how}" for row in ROWS if row.how]]
    return "\n".join([*parts, "", NOT_YET, ""])


def read(file: Path) -> list[Figures]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def main(argv: Sequence[str]) -> int:
    wanted = argparse.ArgumentParser(description="Measure, and write the table.")
    wanted.add_argument("--from", dest="source", type=Path, help="JSON lines of an earlier run")
    wanted.add_argument("--only", nargs="*", choices=PROGRAMS, help="measure these; keep the other lines")
    given = wanted.parse_args(argv)
    if given.source:
        lines = read(given.source)
    else:
        programs = given.only or PROGRAMS
        kept = read(LINES) if given.only and LINES.exists() else []
        lines = [line for line in kept if line["bench"] not in {*programs, "circumstances"}]
        lines = [circumstances(), *lines]
        for program in programs:
            lines += measure(program)
            LINES.write_text("".join(json.dumps(line) + "\n" for line in lines))
            PAGE.write_text(page(lines))
    PAGE.write_text(page(lines))
    return 1 if any(line.get("failed") for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
