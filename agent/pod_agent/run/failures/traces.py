"""Exceptions in a log's lines: who raised what, where, and what it was raised from. Pure.

Takes Python's tracebacks (chained, grouped, interleaved by ranks, boxed by rich, quoted by pools and loaders), syntax
errors, and C++'s last words. A traceback that was cut or torn gives what is left of it, and never an error.
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING

from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pod_agent.run.failures.lines import Line

PATIENCE = 400  # lines after which an open traceback is given up
MORE_LINES = 12  # of a message

_HEAD = re.compile(r"Traceback \(most recent call last\)")
_FRAME = re.compile(r"^ {2,6}File \"([^\"]+)\", line (\d+)(?:, in |$)")
_RAISED = re.compile(r"^((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)(?:: ?(.*))?$")
_USUAL = re.compile(
    r"(?:Error|Exception|Exit|Interrupt|Warning|Failure|Timeout|TimeOut|Iteration|Group|Fault|Expired|Missing|OOM)\w*$"
)
_NO_NAME = frozenset(
    {"INFO", "WARNING", "ERROR", "DEBUG", "CRITICAL", "FATAL", "WARN", "NOTE", "Note", "usage"}
)
_DIRECT = "The above exception was the direct cause of the following exception:"
_DURING = "During handling of the above exception, another exception occurred:"
_GROUP = "Exception Group Traceback"
_MARGIN = re.compile(r"^ *(?:\| ?|\+[-+ \d]*)")  # of a group's members
_ASIDE = re.compile(
    r"Exception ignored (?:in|while|on)|Exception in thread |Error in (?:atexit|sys\.excepthook)|--- Logging error ---"
    r"|Task exception was never retrieved|.{0,200}Task exception was never retrieved"
)
_THROWN = re.compile(r"terminate called after throwing an instance of '([^']+)'")
_WHAT = re.compile(r"^ *what\(\): +(.*)$")
_LIBRARY = re.compile(r"/(?:site|dist)-packages/|/lib/python\d|^<frozen|/lib64/python\d")
_CAUGHT = re.compile(r"^Caught \w+ in \w+")  # torch names the exception again, from another process


@dataclass(frozen=True, slots=True)
class Raised:
    """One exception. ``name`` without its module; ``more`` are further lines of the message."""

    name: str
    message: str
    more: str = ""
    place: str = ""  # the last line of the user's own code, or of anybody's
    library: str = ""  # the file of the last line, whosever it is

    @property
    def text(self) -> str:
        return f"{self.name}: {self.message}" if self.message else self.name

    @property
    def is_quoted(self) -> bool:
        """Whether it repeats one that follows, raised elsewhere."""
        return bool(_CAUGHT.match(self.message))


@dataclass(frozen=True, slots=True)
class Chain:
    """Exceptions that led to each other, first to last. ``explicit[i]``: raised[i+1] was raised *from* raised[i]."""

    raised: tuple[Raised, ...]
    explicit: tuple[bool, ...]
    rank: str
    end: int  # the index of its last line
    is_aside: bool = False  # of a thread, of a destructor, of a logger: hardly what ended the program


@dataclass(slots=True)
class _Open:
    """A traceback that is being read."""

    began: int
    frames: list[tuple[str, str]] = field(default_factory=list)
    was_frame: bool = False


@dataclass(slots=True)
class _Reader:
    """One rank's lines."""

    rank: str
    open: list[_Open] = field(default_factory=list)
    chain: list[Raised] = field(default_factory=list)
    links: list[bool] = field(default_factory=list)
    end: int = -1
    link: bool | None = None  # what the last connecting sentence said
    is_grouped: bool = False
    is_aside: bool = False  # of the chain being read
    will_be_aside: bool = False  # of the next one
    done: list[Chain] = field(default_factory=list)
    thrown: str = ""

    def close(self) -> None:
        if self.chain:
            self.done.append(Chain(tuple(self.chain), tuple(self.links), self.rank, self.end, self.is_aside))
        self.chain, self.links = [], []

    def take(self, raised: Raised, index: int) -> None:
        """An exception is complete: it goes on with the chain, or begins one."""
        if self.chain and self.chain[-1].is_quoted:
            self.chain[-1] = raised  # the original comes after its quotation
        elif self.chain and self.link is not None:
            self.links.append(self.link)
            self.chain.append(raised)
        else:
            self.close()
            self.chain.append(raised)
            self.is_aside = self.will_be_aside
        self.will_be_aside = False
        self.end, self.link = index, None


def read(lines: tuple[Line, ...]) -> tuple[Chain, ...]:
    """Every chain of exceptions, by where it ends."""
    readers: dict[str, _Reader] = {}
    for index, line in enumerate(lines):
        reader = readers.setdefault(line.rank, _Reader(line.rank))
        _feed(reader, line.text, index, lines)
    for reader in readers.values():
        reader.close()
    found = [chain for reader in readers.values() for chain in reader.done]
    return tuple(sorted(found, key=lambda chain: chain.end))


def _feed(reader: _Reader, text: str, index: int, lines: tuple[Line, ...]) -> None:
    if _ASIDE.match(text):
        reader.will_be_aside = True
    elif _DIRECT in text or _DURING in text:
        _take_bare(reader, index, lines)
        reader.link = _DIRECT in text
    elif _HEAD.search(text):
        reader.is_grouped = reader.is_grouped or _GROUP in text
        reader.open.append(_Open(index))
    elif _THROWN.search(text) or _WHAT.match(text):
        _feed_cpp(reader, text, index, lines)
    else:
        _feed_body(reader, text, index, lines)


def _feed_body(reader: _Reader, text: str, index: int, lines: tuple[Line, ...]) -> None:
    """A frame, a line of code, the exception itself, or nothing of a traceback."""
    inner = _MARGIN.sub("", text) if reader.is_grouped else text
    frame = _FRAME.match(inner)
    if not reader.open and not frame and inner == text:
        return
    if not reader.open:  # a syntax error has no head, nor has a member of a group that was never raised
        reader.open.append(_Open(index))
    current = reader.open[-1]
    if index - current.began > PATIENCE:
        reader.open.clear()
    elif frame:
        current.frames.append((frame[1], frame[2]))
        current.was_frame = True
    elif not inner.strip() or inner[0] in " \t│╭╰┃┏┗~^":
        current.was_frame = current.was_frame or bool(inner.strip())
    else:
        _end_of(reader, current, inner, index, lines)


def _end_of(reader: _Reader, current: _Open, text: str, index: int, lines: tuple[Line, ...]) -> None:
    """A line at the margin within a traceback: its exception, or somebody else's line."""
    found = _RAISED.match(text)
    name = found[1].rpartition(".")[2] if found else ""
    is_one = (
        found and name not in _NO_NAME and (_USUAL.search(name) or (current.was_frame and name[:1].isupper()))
    )
    current.was_frame = False
    if not found or not is_one:
        return
    reader.open.pop(0)
    more = _more(lines, index, reader.rank)
    first = "" if found[2] is None else found[2].strip() or more.partition("\n")[0]
    reader.take(Raised(name, first, more, _place(current), _library(current)), index)


def _take_bare(reader: _Reader, index: int, lines: tuple[Line, ...]) -> None:
    """An exception whose frames were taken from it is one line before the sentence that connects it."""
    told = (at for at in range(index - 1, max(-1, index - 4), -1) if lines[at].text.strip())
    at = next((at for at in told if lines[at].rank == reader.rank), -1)
    found = _RAISED.match(lines[at].text) if at > reader.end else None
    if found and _USUAL.search(found[1]):
        reader.take(Raised(found[1].rpartition(".")[2], (found[2] or "").strip()), at)


def _feed_cpp(reader: _Reader, text: str, index: int, lines: tuple[Line, ...]) -> None:
    thrown, what = _THROWN.search(text), _WHAT.match(text)
    if thrown:
        reader.thrown = thrown[1].rpartition("::")[2]
        reader.close()
        reader.take(Raised(reader.thrown, ""), index)
    elif what and reader.thrown:
        name, reader.thrown, reader.chain, reader.links = reader.thrown, "", [], []
        reader.take(Raised(name, what[1].strip(), _more(lines, index, reader.rank)), index)


def _more(lines: tuple[Line, ...], index: int, rank: str) -> str:
    """Further lines of a message: up to the next traceback, and not many."""
    found: list[str] = []
    for line in lines[index + 1 : index + 1 + 2 * MORE_LINES]:
        if line.rank != rank:
            continue
        if (
            len(found) == MORE_LINES
            or _HEAD.search(line.text)
            or line.text in {_DIRECT, _DURING}
            or line.step
        ):
            break
        if line.text.strip():
            found.append(line.text.strip())
    return "\n".join(found)


def _library(current: _Open) -> str:
    return current.frames[-1][0] if current.frames else ""


def _place(current: _Open) -> str:
    """``train.py line 12``: where the user's own code was last."""
    own = [frame for frame in current.frames if not _LIBRARY.search(frame[0])]
    if not own and not current.frames:
        return ""
    path, number = (own or current.frames)[-1]
    return f"{path.rpartition('/')[2]} line {number}"
