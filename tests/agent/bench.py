"""Attempts under real keepers, for tests: plans in a folder of the test's own, and an end for whatever is left."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
import time
from pathlib import Path

from pod_agent.run import exit_record, keeper_start, keeper_tree
from pod_agent.run.attempt import AttemptPlan, Ended, Patience, RunningAttempt
from tests.live import PATIENCE_S

AGENT = str(Path(keeper_start.__file__).parents[2])  # the folder from which a keeper imports pod_agent
PROGRAMS = Path(__file__).resolve().parent.parent / "programs"
HEADER = b"podkeep: attempt 1 of run r1\n"
QUICK = Patience(grace_s=5.0, hurry_s=1.0, leftover_s=2.0, full_s=30.0)


def program(name: str, *arguments: object) -> str:
    """The shell text that runs one of tests/programs."""
    interpreter = "bash" if name.endswith(".sh") else shlex.quote(sys.executable)
    return " ".join([interpreter, shlex.quote(str(PROGRAMS / name)), *map(str, arguments)])


def numbered(count: int) -> bytes:
    """What counts.py writes."""
    return b"".join(b"line %09d\n" % number for number in range(count))


def until(fact, seconds: float = PATIENCE_S):
    """Wait for a fact to become true, and return it."""
    limit = time.monotonic() + seconds
    while not (seen := fact()):
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.005)
    return seen


class Bench:
    """Starts attempts; ``finish`` leaves no process of theirs behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.run_dir = folder / "run"
        self.ballast = folder / "ballast"
        self.cwd = folder / "work"
        self.cwd.mkdir()

    def plan(self, command: str, *, number: int = 1, patience: Patience = QUICK, **others) -> AttemptPlan:
        values = {
            "number": number,
            "run": "r1",
            "folder": self.run_dir / "job" / f"r1-{number}",
            "log": self.log,
            "command": command,
            "cwd": self.cwd,
            "env": {"PATH": os.environ["PATH"]},
            "signal": "TERM",
            "ballast": self.ballast,
            "header": HEADER,
            "patience": patience,
        }
        return AttemptPlan(**(values | others))

    def start(self, command: str, **others) -> RunningAttempt:
        return RunningAttempt.start(self.plan(command, **others))

    def run(self, command: str, **others) -> Ended:
        return end_of(self.start(command, **others))

    def output(self) -> bytes:
        """The log less the header and the last line."""
        data = self.log.read_bytes()
        assert data.startswith(HEADER)
        return data.removeprefix(HEADER).rpartition(b"EXIT_CODE=")[0]

    def said(self, words: bytes) -> bool:
        return self.log.exists() and words in self.log.read_bytes()

    def finish(self) -> None:
        """End what a failed test left, and bury our own children."""
        for folder in self.run_dir.glob("*/*"):
            claim = exit_record.newest_claim(str(folder))
            record = exit_record.read_record(str(folder))
            if claim and claim.pid != os.getpid():
                keeper_tree.send(claim.pid, claim.start, signal.SIGKILL)
            if record and record.nonce:
                marker = f"{exit_record.MARKER}={record.nonce}".encode()
                for pid, process in keeper_tree.members(0, 0, marker).items():
                    keeper_tree.send(pid, process.start, signal.SIGKILL)
            for path in folder.glob("claim.*"):
                bury(int(path.read_bytes().split()[0]))


def bury(pid: int) -> None:
    try:
        os.waitpid(pid, 0) if pid else None
    except ChildProcessError:
        return  # never ours, or buried already


def end_of(attempt: RunningAttempt, seconds: float = PATIENCE_S) -> Ended:
    """Wait for the end, in a thread, so that a test cannot hang."""
    ends: list[Ended] = []
    waiter = threading.Thread(target=attempt.wait, args=(ends.append,), daemon=True)
    waiter.start()
    waiter.join(seconds)
    assert len(ends) == 1, "the attempt did not end"
    return ends[0]


def kill_keeper(attempt: RunningAttempt) -> None:
    """SIGKILL the living keeper and wait until the kernel is done with it."""
    claim = exit_record.newest_claim(str(attempt.folder))
    assert claim is not None
    assert keeper_tree.send(claim.pid, claim.start, signal.SIGKILL)
    until(lambda: not keeper_tree.is_alive(claim.pid, claim.start))
