"""Reads replayed.txt: what GPUs, drivers and NCCL make programs say, which no machine without them can show.

Short forms of the messages, in lines of our own; the first line of each says how it ended and what is to be found.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).with_name("replayed.txt")


@dataclass(frozen=True, slots=True)
class Replayed:
    """``end`` is an exit code, or a signal's name; ``reason`` a part of what must be said."""

    name: str
    end: str
    kind: str
    again: str
    reason: str
    text: str


def replayed() -> list[Replayed]:
    """One for each block that begins with ``== name | end | kind | again | reason``."""
    found = []
    for block in PAGE.read_text("utf-8").split("\n== ")[1:]:
        head, _, text = block.partition("\n")
        text = "\n".join(_written_out(line) for line in text.splitlines())
        found.append(Replayed(*(part.strip() for part in head.split("|")), text=text))
    return found


def _written_out(line: str) -> str:
    """The head of a traceback, behind the same rank."""
    rank, mark, _ = line.partition("{T}")
    head = ("Traceback (most recent call last):", '  File "/job/train.py", line 7, in main', "    train()")
    return "\n".join(f"{rank}{one}" for one in head) if mark else line
