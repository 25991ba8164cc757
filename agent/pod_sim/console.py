"""A pod's two logs as RunPod keeps them: what its containers wrote, and what the host did (pull, create, start, stop).

``console.log`` holds the containers' bytes; ``console.index`` gives every line of both a number and a time, once and
for ever, so that a reader can come back. How the lines are asked for is log_stream.py's. Only used from the event loop.
"""

from __future__ import annotations

import json
import logging
import os
from bisect import bisect_right
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from pod_sim.files import replace_file

if TYPE_CHECKING:
    from pathlib import Path

CONTAINER, SYSTEM = "container", "system"
MAX_CONSOLE = 64 << 20
KEPT_CONSOLE = 8 << 20
CHUNK = 1 << 20
LONGEST_LINE = 16 << 10  # a longer one is cut, as Docker does
log = logging.getLogger("pod_sim")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of either log. ``seq`` grows by one from line to line."""

    seq: int
    ts: float
    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the host's, or a stretch of the console that was seen at one look."""

    seq: int  # of its first line
    ts: float
    lines: int = 1
    start: int = 0  # bytes of the console since the pod's creation
    end: int = 0
    system: str | None = None

    @property
    def source(self) -> str:
        return CONTAINER if self.system is None else SYSTEM


class Console:
    """Both logs of one pod. Reads its index when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "console.log"
        self._index = folder / "console.index"
        self._entries: list[Entry] = []
        self._base = 0  # bytes that were trimmed away
        self._seen = 0
        self._is_read = False

    @property
    def last(self) -> int:
        """The number of the newest line."""
        self._read_index()
        return self._entries[-1].seq + self._entries[-1].lines - 1 if self._entries else 0

    def say(self, text: str, now: float) -> None:
        """A line of the host's, after all that the container has said so far."""
        self.collect(now, is_over=True)
        self._keep(Entry(self.last + 1, _as_shown(now), system=text))

    def collect(self, now: float, *, is_over: bool = False) -> None:
        """Number what the container wrote since the last look: whole lines, and at its end also half a one."""
        self._read_index()
        size = self._size()
        if self._base + size < self._seen:  # cut by somebody who could not note it any more
            self._base = self._seen - size
        if self._base + size == self._seen:
            return
        with self.path.open("rb") as file:
            file.seek(self._seen - self._base)
            while (data := file.read(CHUNK)) and (whole := _whole(data, is_over=is_over)):
                lines = _count(data[:whole])
                self._keep(Entry(self.last + 1, _as_shown(now), lines, self._seen, self._seen + whole))
                file.seek(self._seen - self._base)

    def after(self, seq: int, source: str | None, most: int) -> tuple[list[Line], int]:
        """The next lines after this number, and the number to ask from next."""
        self._read_index()
        place = bisect_right(self._entries, seq, key=lambda entry: entry.seq + entry.lines - 1)
        found: list[Line] = []
        for entry in self._entries[place:]:
            if source in (None, entry.source):
                found += (line for line in self._lines(entry) if line.seq > seq)
            seq = max(seq, entry.seq + entry.lines - 1)
            if len(found) >= most:
                return found[:most], found[:most][-1].seq
        return found, seq

    def tail(self, count: int, source: str | None) -> list[Line]:
        """The last so many lines of each log, in their order."""
        self._read_index()
        kept: dict[str, list[Line]] = {one: [] for one in (CONTAINER, SYSTEM) if source in (None, one)}
        for entry in reversed(self._entries):
            mine = kept.get(entry.source)
            if mine is not None and len(mine) < count:
                mine += reversed(self._lines(entry))
            if all(len(lines) >= count for lines in kept.values()):
                break
        chosen = (line for lines in kept.values() for line in lines[:count])
        return sorted(chosen, key=lambda line: line.seq)

    def before(self, moment: float, *, is_shown: bool) -> int:
        """The number of the last line older than this moment; ``is_shown``: or of it."""
        self._read_index()
        limit = _milliseconds(moment) + (1 if is_shown else 0)
        older = [entry for entry in self._entries if _milliseconds(entry.ts) < limit]
        return older[-1].seq + older[-1].lines - 1 if older else 0

    def trim(self) -> None:
        """A console that has grown beyond its size keeps its end only; a line written meanwhile may be lost."""
        if self._size() <= MAX_CONSOLE:
            return
        with self.path.open("rb") as file:
            file.seek(-KEPT_CONSOLE, os.SEEK_END)
            end = file.read()
            dropped = file.tell() - len(end)
        with self.path.open("ab") as file:
            file.truncate(0)
            file.write(end)
        self._base += dropped
        self._entries = [e for e in self._entries if e.system is not None or e.end > self._base]
        self._write_index()

    def _lines(self, entry: Entry) -> list[Line]:
        if entry.system is not None:
            return [Line(entry.seq, entry.ts, SYSTEM, entry.system)]
        start = max(entry.start, self._base)
        try:
            with self.path.open("rb") as file:
                file.seek(start - self._base)
                found = split(file.read(entry.end - start))
        except FileNotFoundError:  # the pod was terminated meanwhile, and its history with it
            return []
        first = entry.seq + entry.lines - len(found)
        return [Line(first + place, entry.ts, CONTAINER, text) for place, text in enumerate(found)]

    def _size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def _keep(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._seen = max(self._seen, entry.end)
        try:
            with self._index.open("a") as index:
                index.write(json.dumps(asdict(entry)) + "\n")
        except OSError as error:  # known until the simulator ends, then numbered anew
            log.error("console=%s state=unnoted reason=%s", self.path, error)  # noqa: TRY400 (its words are enough)

    def _write_index(self) -> None:
        known = [{"base": self._base}, *map(asdict, self._entries)]
        replace_file(self._index, "".join(json.dumps(one) + "\n" for one in known).encode())

    def _read_index(self) -> None:
        """What an earlier simulator noted; a line that it was killed amid, or had no room for, is none."""
        if self._is_read:
            return
        self._is_read = True
        text = self._index.read_text(errors="replace") if self._index.exists() else ""
        if text and not text.endswith("\n"):
            with self._index.open("a") as index:
                index.write("\n")
        for line in text.splitlines():
            try:
                known = json.loads(line)
                if "base" in known:
                    self._base = int(known["base"])
                else:
                    self._entries.append(Entry(**known))
            except (ValueError, TypeError):
                continue
        self._seen = max([self._base, *(entry.end for entry in self._entries)])


def _as_shown(moment: float) -> float:
    """Without what a stamp does not show: a reader gives back what it was shown."""
    return int(moment * 1000) / 1000


def _milliseconds(moment: float) -> int:
    return round(moment * 1000)


def _whole(data: bytes, *, is_over: bool) -> int:
    """How many of these bytes are whole lines."""
    if is_over and len(data) < CHUNK:
        return len(data)
    return data.rfind(b"\n") + 1 or (len(data) if len(data) > LONGEST_LINE else 0)


def _count(data: bytes) -> int:
    """How many lines ``split`` will make of them."""
    return sum(1 + max(len(line) - 1, 0) // LONGEST_LINE for line in data.removesuffix(b"\n").split(b"\n"))


def split(data: bytes) -> list[str]:
    """Lines without their ends; never on anything but a newline."""
    found = []
    for line in data.removesuffix(b"\n").split(b"\n"):
        pieces = range(0, max(len(line), 1), LONGEST_LINE)
        found += [line[at : at + LONGEST_LINE].decode("utf-8", "replace").removesuffix("\r") for at in pieces]
    return found
