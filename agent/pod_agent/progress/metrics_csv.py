"""Metrics as a CSV file, such as Lightning's `metrics.csv`: the newest row that says something. Pure, from bytes.

The head and the end of the file are enough. Lightning numbers its steps from 0. Not here: finding the file.
"""

from __future__ import annotations

import csv
from dataclasses import replace

from pod_agent.progress import fields
from pod_agent.progress.reading import Reading, Source

FILE = "metrics.csv"
HEAD, TAIL = 8 << 10, 16 << 10


def read(head: bytes, tail: bytes) -> Reading | None:
    """``tail``: the file's end, whose first line may be torn; the newest values of the last rows together."""
    names = _row(head.split(b"\n", 1)[0])
    if not names or not any(fields.plain(name) in fields.STEPS for name in names):
        return None
    values: dict[str, str] = {}
    for line in tail.split(b"\n")[1:-1][-40:]:
        row = _row(line)
        if len(row) == len(names):
            values.update({name: value for name, value in zip(names, row, strict=True) if value})
    found = fields.reading(values.items(), Source.CSV)
    if found is None or found.step is None:
        return None
    return replace(found, step=found.step + 1)


def _row(line: bytes) -> list[str]:
    try:
        return next(csv.reader([line.decode("utf-8", "replace").strip("\r\n\0")]), [])
    except csv.Error:
        return []
