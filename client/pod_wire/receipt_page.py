"""The receipt as a page of Markdown: what lies beside it on the workspace for people. Pure."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pod_wire.receipt_rows import rows

if TYPE_CHECKING:
    from pod_wire.receipt import Receipt

_SPECIAL = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_|<>[]"})


def page(told: Receipt) -> str:
    """A heading, and a table of what is known. Times are UTC: nobody knows where it will be read."""
    lines = [f"# Receipt: {_plain(told.job)}", "", f"As of {utc(told.at)}.", "", "| | |", "| --- | --- |"]
    lines += [f"| {name} | {_plain(text)} |" for name, text in rows(told, utc)]
    return "\n".join(lines) + "\n"


def utc(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(moment))


def _plain(text: str) -> str:
    """On one line, and not taken for Markdown."""
    return " ".join(text.split()).translate(_SPECIAL)
