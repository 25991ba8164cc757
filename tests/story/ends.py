"""One table for cancel, stop and TERM: docs/ending.md read as cells, and how each of its moments is held open.

Held by real means alone: a server that never answers, a set-up that sleeps, old checkpoints that take long to look at,
programs that save slowly or do not listen, a RunPod that refuses. Not here: asking, and what is then looked at.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent.parent.parent / "docs" / "ending.md"
ASKS = ("cancel", "stop", "TERM")
OURS = "podkeep-ends"  # in the command line of whatever a test's job starts
HELD = b"the pod is held until "
SPEAKS = """
import itertools, os, signal, sys, time
kind = sys.argv[2]  # argv[1] is our mark
spoken = os.open("/workspace/spoken", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

def say(text):
    os.write(1, text)
    os.write(spoken, text)

def end(*_):
    if kind == "deaf":
        return
    say(b"asked\\n")
    late = time.monotonic() + 25  # there are thirty seconds, and at TERM two
    while kind == "slow" and not os.path.exists("/workspace/enough") and time.monotonic() < late:
        time.sleep(0.05)
    for number in range(100):
        say(b"last word %d\\n" % number)
    os._exit(0)

signal.signal(signal.SIGTERM, end)
if kind == "deaf" and os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
say(b"ready\\n")
for number in itertools.count():
    say(b"word %d of %d\\n" % (number, os.getpid()))
    if kind == "ends" and os.path.exists("/workspace/go"):
        os._exit(0)
    time.sleep(0.01)
"""


def speaks(kind: str) -> str:
    """A job that writes each word to its log and to a file of its own."""
    return f"exec python3 -u -c {shlex.quote(SPEAKS)} {OURS} {kind}"


@dataclass(frozen=True, slots=True)
class Cell:
    """What is promised: the answer's status and reason, the outcome, and whether the next boot goes on."""

    status: int | None
    reason: str
    outcome: str | None
    goes_on: bool


@dataclass(frozen=True, slots=True)
class Moment:
    """How one row of the table is come to. ``ready`` says of a status whether it has been."""

    env: dict[str, str]
    ready: Callable[[dict[str, Any]], bool]
    says: bytes = b""  # what the job's log holds by then
    first: str = ""  # asked before: a path
    is_quick: bool = False  # a less patient agent, where that can be had
    refuses: bool = False  # RunPod refuses the pod's own stops
    attempts: bool = True  # the command has been begun
    is_held: bool = False  # the pod, and for how long is said after the outcome


def cells(row: str) -> dict[str, Cell]:
    """A row of the page, by what is asked."""
    for line in PAGE.read_text("utf-8").splitlines():
        found = [cell.strip() for cell in line.strip("|").split("|")]
        if found[0] == row and len(found) == len(ASKS) + 1:
            return {ask: _cell(text) for ask, text in zip(ASKS, found[1:], strict=True)}
    raise AssertionError(f"docs/ending.md has no row {row!r}")


def rows() -> list[str]:
    """The moments that the page names."""
    table = PAGE.read_text("utf-8").partition("| when |")[2].partition("\n\n")[0]
    return [line.strip("|").split("|")[0].strip() for line in table.splitlines()[2:]]


def _cell(text: str) -> Cell:
    *answer, outcome, then = [part.strip() for part in text.split(";")]
    status, _, reason = answer[0].partition(" ") if answer else ("", "", "")
    known = None if outcome == "none" else outcome
    return Cell(int(status) if status else None, reason, known, then == "goes on")


def in_phase(phase: str) -> Callable[[dict[str, Any]], bool]:
    return lambda status: status["phase"] == phase


def _lives(status: dict[str, Any]) -> bool:
    job = status["job"]
    return status["phase"] == "running" and bool(job["attempts"]) and job["attempts"][-1]["pid"] is not None


def _pauses(status: dict[str, Any]) -> bool:
    """After the fourth attempt: for four seconds."""
    attempts = status["job"]["attempts"] if status["phase"] == "running" else []
    return len(attempts) == 4 and attempts[-1]["ended_at"] is not None


DAEMON = (
    f"setsid python3 -c 'import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)' {OURS} &"
)
SLEEPS = f"{DAEMON} trap '' TERM; echo ready; sleep 600 & wait; sleep 600"
MOMENTS: dict[str, Moment] = {
    "waiting": Moment({"POD_JOB": ""}, in_phase("waiting"), attempts=False),
    "syncing": Moment(
        {"POD_REPO": "http://127.0.0.1:{silent}/x.git", "POD_COMMAND": "true"},
        in_phase("syncing"),
        attempts=False,
    ),
    "installing": Moment(
        {"POD_SETUP": SLEEPS, "POD_COMMAND": "true"}, in_phase("installing"), says=b"ready\n", attempts=False
    ),
    "restoring": Moment(
        {"POD_COMMAND": "true", "POD_FRESH": "1", "POD_CHECKPOINTS": "old/*.pkl"},
        in_phase("restoring"),
        attempts=False,
    ),
    "running": Moment({"POD_COMMAND": speaks("polite")}, _lives, says=b"\nword 50 of "),
    "running, and nothing of it ends when asked": Moment(
        {"POD_COMMAND": speaks("deaf")}, _lives, says=b"\nword 50 of ", is_quick=True
    ),
    "running, between two attempts": Moment(
        {"POD_COMMAND": "echo tried; kill -9 $$", "POD_RESUME": "", "POD_MAX_RESTARTS": "100"}, _pauses
    ),
    "running, its attempt being ended by a restart": Moment(
        {"POD_COMMAND": speaks("slow")}, _lives, says=b"\nword 50 of ", first="/jobs/{job}/restart"
    ),
    "draining, after a cancel": Moment(
        {"POD_COMMAND": speaks("slow")}, _lives, says=b"\nword 50 of ", first="/jobs/{job}/cancel"
    ),
    "finished": Moment({"POD_COMMAND": speaks("ends"), "POD_ON_FINISH": "keep"}, in_phase("finished")),
    "finished, and held after a failure before the first step": Moment(
        {"POD_COMMAND": "exit 3", "POD_HOLD_MINUTES": "30"},
        lambda status: status["phase"] == "finished" and bool(status["job"]["held"]),
        says=HELD,
        is_held=True,
    ),
    "stopping, and RunPod refuses": Moment(
        {"POD_COMMAND": speaks("ends"), "POD_ON_FINISH": "stop"},
        lambda status: bool(status["stop_attempts"]),
        refuses=True,
    ),
}


@contextlib.contextmanager
def silent() -> Iterator[int]:
    """A server that takes every connection and never says a word; its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield listening.getsockname()[1]


def lay_checkpoints(workspace: Path, count: int = 600) -> None:
    """Old checkpoints, each of which takes 50 ms to follow to its end on a quick and quiet machine."""
    folder = workspace / "old"
    folder.mkdir(parents=True)
    first = folder / "ckpt-1.pkl"
    first.write_bytes(b"\x80\x04" + b"N0" * 600_000 + b"N.")
    for number in range(2, count + 1):
        os.link(first, folder / f"ckpt-{number}.pkl")
