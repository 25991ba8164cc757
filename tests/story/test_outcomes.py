"""Every misbehaving program under the real agent: it ends as docs/outcomes.md promises, and its log is whole."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pod_wire.masker import Masker
from pod_wire.secrets import Secret
from tests import promises
from tests.live import wait_for
from tests.story.bare_agent import QUICK, BareAgent, take_apart
from tests.story.small_places import in_group, on_small_disk, small_memory

PROGRAMS = Path(__file__).parent.parent / "programs"
SECRET = "hf_QxZkWvBnMpLrTsYdFgHj"
PROMISES = promises.by_program()


@dataclass(frozen=True, slots=True)
class Case:
    """How a program is run, and what its log must hold. ``cancel_at``: it is cancelled once it has said this."""

    arguments: str = ""
    output: bytes = b""  # all of it, as a regular expression
    code: bytes = b"0"
    cancel_at: bytes = b""


def exactly(data: bytes | str) -> bytes:
    return re.escape(data.encode() if isinstance(data, str) else data)


CASES = {
    "closes_stdout.py": Case("0.1", exactly("last words\n")),
    "counts.py": Case("3000 100 0", exactly("".join(f"line {n:09d}\n" for n in range(3000)))),
    "double_forks.py": Case("", rb"daemon \d+\nthe command is done\n"),
    "endless_line.py": Case("3000000", rb"x{3000000}\n"),
    "ends_without_newline.py": Case("", exactly("50 %\n")),
    "exits_silently.sh": Case("", b""),
    "ignores_sigterm.py": Case("", exactly("ready\nTERM? No.\n"), b"137", cancel_at=b"ready"),
    "prints_secret.py": Case("", exactly(f"logging in with {SECRET}\n{SECRET}\n")),
    "saves_when_asked.py": Case("0.1 SIGTERM", rb"ready\nSIGTERM \d+\n", b"0", cancel_at=b"ready"),
    "segfaults.py": Case("", rb"(?s:before\n.*Segmentation fault.*)\n", b"139"),
    "slow_checkpoint.py": Case("0.4", exactly("saved checkpoint.bin\n")),
    "tees_dev_stdout.sh": Case("", rb"(?:[0-9]*\n){4000}"),
    "trainer.py": Case("--steps 5 --pause 0", rb"starting at step 0\n(?:step \d\n){5}done at step 5\n"),
    "truncates_stdout.py": Case("", exactly("before\nrefused: Invalid argument\nafter\n")),
    "writes_dev_stderr.sh": Case("", exactly("".join(f"out {n}\nerr {n}\n" for n in range(1, 201)))),
    "writes_lines.py": Case(
        "--lines 500 --seconds 0.3 --until /etc/passwd",  # it waits for a file, which is there
        rb"(?:line \d+ of 500(?: with " + exactly(SECRET) + rb")? says nothing of interest\n){500}",
    ),
    "writes_no_utf8.py": Case("", exactly(bytes(range(256)) + b"\xf0\x9f\n\xc3(\xa0\xff\xfe\r\n")),
}
FULL = Case("", rb"(?s:full\n0{18} 0123456789.*)", b"143")  # more below
HUNGRY = Case("", exactly("hungry\n"), b"137")


def said_when_full() -> bytes:
    """All that fills_disk.py has to say; how much of it fits is the disk's affair."""
    lines = "".join(f"{n:018d} {'0123456789' * 10}\n" for n in range((4 << 20) // 120))
    return f"full\n{lines}done\n".encode()


def program(name: str, arguments: str) -> str:
    """The shell text that runs one of tests/programs."""
    interpreter = "bash" if name.endswith(".sh") else shlex.quote(sys.executable)
    return f"{interpreter} {shlex.quote(str(PROGRAMS / name))} {arguments}"


def assert_as_promised(agent: BareAgent, name: str, case: Case) -> None:
    """Run it: outcome, reason, remedy and warning as in the table; nothing of its log lost, secrets masked."""
    job = name.partition(".")[0].replace("_", "-")
    agent.give(job, program(name, case.arguments))
    if case.cancel_at:
        agent.says(case.cancel_at)
        agent.cancel(job)
    PROMISES[name].assert_kept_by(agent.end_of(job))
    log = agent.log_file(job).read_bytes()
    output = take_apart(log)
    assert re.fullmatch(case.output, output.own), (output.own[:300], output.own[-300:])
    assert output.code == case.code
    assert output.ending.startswith(f"podkeep: {PROMISES[name].outcome}: ".encode())
    status, served = agent.call("GET", f"/jobs/{job}/logs")
    assert status == 200
    assert served == Masker([Secret(SECRET)]).mask(log)
    assert SECRET.encode() not in served


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareAgent]:
    """One agent for all programs that need no place of their own."""
    with BareAgent(tmp_path_factory.mktemp("agent"), HF_TOKEN=SECRET) as running:
        yield running


def test_each_program_has_its_line_and_each_line_its_program():
    """The table, the folder and these tests name the same programs; what begins with pod_ is no job but a PID 1."""
    there = {path.name for path in PROGRAMS.iterdir() if path.is_file() and not path.name.startswith("pod_")}
    assert set(PROMISES) == there
    assert set(CASES) | {"fills_disk.py", "eats_memory.py"} == there


SLOW = {"ignores_sigterm.py"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in CASES]
)
def test_a_program_ends_as_promised(agent, name):
    """Under the real agent and keeper a program's outcome, reason and remedy are the table's, and its log is whole."""
    assert_as_promised(agent, name, CASES[name])


@pytest.mark.slow
def test_a_program_that_fills_the_disk_ends_as_promised(tmp_path):
    """On a full disk the job waits, then fails by name; outcome and log still find their place on that disk."""
    argv = on_small_disk(tmp_path / "workspace", "6m", QUICK)
    with BareAgent(tmp_path, argv) as agent:
        assert_as_promised(agent, "fills_disk.py", FULL)
        log = agent.log_file("fills-disk")
        assert (log.parent / "state.json").exists()
        written = take_apart(log.read_bytes()).own.removesuffix(b"\n")
        assert said_when_full().startswith(written), "what fitted is not what the job wrote"


@pytest.mark.slow
def test_a_program_that_eats_memory_ends_as_promised(tmp_path):
    """Where agent, keeper and job share little memory, the kernel takes the job, and the outcome names it."""
    with small_memory(250_000_000) as group:
        if group is None:
            pytest.skip("no right to make a memory cgroup here; run as root")
        with BareAgent(tmp_path, in_group(group, QUICK)) as agent:
            assert_as_promised(agent, "eats_memory.py", HUNGRY)


@pytest.mark.slow
def test_a_job_can_be_cancelled_on_a_full_disk(tmp_path):
    """The job that waits for room takes all that is freed, and yet exit code, last line and record find their place."""
    with BareAgent(
        tmp_path, on_small_disk(tmp_path / "workspace", "6m", [sys.executable, "-m", "pod_agent"])
    ) as agent:
        agent.give("full", "dd if=/dev/zero of=filler bs=64k; seq 1 1000000")
        log = agent.log_file("full")
        wait_for("a disk that takes nothing more", lambda: is_full(log.parents[3]))
        agent.cancel("full")
        assert agent.end_of("full")["outcome"] == "cancelled"
        output = take_apart(log.read_bytes())
        assert output.code == b"143"
        assert output.ending == b"podkeep: cancelled: cancelled on request\n"
        assert json.loads((log.parent / "state.json").read_bytes())["ending"]["outcome"] == "cancelled"
        assert b'"kind":"outcome"' in (log.parent / "journal.jsonl").read_bytes()


def is_full(folder: Path) -> bool:
    found = os.statvfs(folder)
    return found.f_bavail == 0
