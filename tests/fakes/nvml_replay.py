"""Seconds of GPUs, as recordings/gpus.json has them, told one after another by the driver's library of fakes/nvml.c.

The real pynvml asks that library: names, errors and types are its own. A value that a recording lacks is "not
supported". Not here: what the agent makes of it.
"""

from __future__ import annotations

import json
from pathlib import Path

RECORDINGS = json.loads((Path(__file__).parents[1] / "recordings" / "gpus.json").read_text())
PLAIN = (
    "milliwatts",
    "millijoules",
    "sm_mhz",
    "memory_mhz",
    "celsius",
    "slowdowns",
    "most_milliwatts",
    "most_sm_mhz",
    "corrected",
    "uncorrected",
)
PAIRS = {"use": ("use", "use_memory"), "rows": ("rows_pending", "rows_failed")}


def facts(second, *, no_events=False):
    """A second's lines for the library."""
    lines = ["noevents 1"] if no_events else []
    for gpu in second["gpus"]:
        lines += [f"gpu {gpu.get('rc', 0)} {_place(gpu)}", *_values(gpu)]
        if "slices" in gpu:
            lines.append("mig 0")
        for part in gpu.get("slices", ()):
            lines += [f"slice {_place(part)}", *_values(part)]
    return [
        *lines,
        *(f"{name} 1" for name in ("crash", "hang") if second.get(name)),
        *([f"fail {second['fail']}"] if "fail" in second else []),
    ]


def _place(gpu):
    total, used = gpu["memory"]
    return f"{total} {used} {gpu['processes']}"


def _values(gpu):
    for name in PLAIN:
        if name in gpu:
            yield f"v {name} 0 {gpu[name]}"
    for pair, names in PAIRS.items():
        for name, value in zip(names, gpu.get(pair, ()), strict=False):
            yield f"v {name} 0 {value}"
    for code in gpu.get("xids", ()):
        yield f"xid {code}"


class Replay:
    """One recording on one driver: the first second is told at once, each ``step`` tells the next."""

    def __init__(self, driver, name):
        self._driver = driver
        self._recording = RECORDINGS[name]
        self._next = 0
        self.step()

    def step(self):
        second = self._recording["seconds"][self._next]
        self._next += 1
        self._driver.say(*facts(second, no_events=self._recording.get("no_events", False)))
