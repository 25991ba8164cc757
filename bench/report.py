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

    from budgets import Figures

HERE = Path(__file__).resolve().parent
LINES = HERE / "figures.jsonl"
PAGE = HERE / "README.md"
PROGRAMS = (
    "log_latency",
    "log_throughput",
    "memory",
    "restart",
    "end_to_stop",
    "help_time",
    "checkpoints_judge",
)
HEAD = """# What is measured, against whom

`make bench` runs the programs in this folder and writes this page; the raw lines are in `figures.jsonl`. Each figure is
the median of 5 runs, the rivals run in the same session on the same machine, and variables that begin with `PYTHON`
are cleared. A ratio is ours divided by theirs.
"""


def measure(program: str) -> list[Figures]:
    """The lines of one program; a line that says why where it failed."""
    print(f"== {program}", file=sys.stderr, flush=True)
    began = time.monotonic()
    done = subprocess.run(
        python(HERE / f"{program}.py"), env=environment(), stdout=subprocess.PIPE, text=True, check=False
    )
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode:
        found.append({"bench": program, "who": "podkeep", "failed": f"exit code {done.returncode}"})
    print(f"== {program} took {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return found


def circumstances() -> Figures:
    """Where, when, and of what these figures are."""
    git = ["git", "-C", str(HERE)]
    commit = subprocess.run(
        [*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False
    )
    changed = subprocess.run(
        [*git, "status", "--porcelain", "--", "../agent", "../client", "../entrypoint.sh"],
        capture_output=True,
        text=True,
        check=False,
    )
    return {
        "bench": "circumstances",
        "commit": commit.stdout.strip() or "unknown",
        "changed": bool(changed.stdout.strip()),
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "system": platform.system() + " " + platform.release().split("-")[0],
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
    }


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
    changed = ", with changes that were not committed" if here["changed"] else ""
    told = (
        f"Commit `{here['commit']}`{changed}; {here['date']}; {here['cores']} cores ({here['processor']}), "
        f"{here['system']}, Python {here['python']}; load average {here['load']} at the beginning."
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


def main(argv: Sequence[str]) -> int:
    wanted = argparse.ArgumentParser(description="Measure, and write the table.")
    wanted.add_argument("--from", dest="source", type=Path, help="JSON lines of an earlier run")
    wanted.add_argument("--only", nargs="*", choices=PROGRAMS, help="measure these; keep the other lines")
    given = wanted.parse_args(argv)
    if given.source:
        lines = [json.loads(line) for line in given.source.read_text().splitlines()]
    else:
        programs = given.only or PROGRAMS
        kept = [json.loads(line) for line in LINES.read_text().splitlines()] if given.only else []
        lines = [line for line in kept if line["bench"] not in {*programs, "circumstances"}]
        lines = [circumstances(), *lines]
        for program in programs:
            lines += measure(program)
        LINES.write_text("".join(json.dumps(line) + "\n" for line in lines))
    PAGE.write_text(page(lines))
    return 1 if any(line.get("failed") for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
