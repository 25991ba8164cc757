"""Looks at programs for the soak: CPU so far and PSS now, by part. Threads and children that have ended count too.

CPU by the kernel's own sum for a process, in hundredths of a second. Not here: what it means (``soak_page``).
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from memory import pss_mb

TICKS = os.sysconf("SC_CLK_TCK")


def fields(pid: int) -> list[str]:
    """Of proc(5)'s stat, from the state on."""
    return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()


def used_s(pid: int, *, reaped: bool) -> float:
    """By all its threads, and where asked by the children whose end it has taken."""
    found = fields(pid)
    return sum(map(int, found[11:15] if reaped else found[11:13])) / TICKS


def below(pid: int) -> list[int]:
    """All processes that descend from this one."""
    found = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found += [child, *below(child)]
    return found


def look(named: dict[str, int]) -> dict[str, dict[str, float]]:
    """Each named program, and all that it has started besides the others as ``children``; never a keeper's job."""
    cpu, pss = dict.fromkeys([*named, "children"], 0.0), dict.fromkeys([*named, "children"], 0.0)
    known = set(named.values())
    for name, pid in named.items():
        cpu[name] = used_s(pid, reaped=False)
        pss[name] = pss_mb(pid)
    jobs = set(below(named["keeper"])) if "keeper" in named else set()
    for pid in set(below(named["agent"])) - known - jobs if "agent" in named else ():
        with contextlib.suppress(OSError, SystemExit):  # it has just ended
            spent, size = used_s(pid, reaped=True), pss_mb(pid)
            cpu["children"], pss["children"] = cpu["children"] + spent, pss["children"] + size
    for name in ("entrypoint", "agent"):
        if name in named:
            cpu["children"] += used_s(named[name], reaped=True) - cpu[name]
    return {"cpu_s": cpu, "pss_mb": pss}
