"""What the end of an attempt means, against the table that people read in docs/outcomes.md."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pod_agent.run import endings
from pod_agent.run.attempt import Ended
from pod_agent.run.state import Ending, Job
from pod_wire.job import JobSpec
from pod_wire.status import Attempt, CheckpointPlace, Outcome

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "outcomes.md").read_text("utf-8")
ONCE = Job(JobSpec("j", "x"), "o", run="r", run_began_at=0.0, boot="b", attempts=(Attempt(1),), tries=1)
TRIES = replace(ONCE, spec=JobSpec("j", "x", resume="", max_restarts=3))


def ended(code=None, signal=None, reason="exited"):
    return Ended(code, signal, reason, cancelled=False, output_bytes=1, ended_at=1.0)


def rows(heading):
    """The cells of the table below a heading."""
    lines = TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0].splitlines()
    cells = [
        [cell.strip().strip("`") for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| ")
    ]
    return cells[2:]


CAUSES = {
    "exit code 127": (ONCE, ended(127)),
    "exit code 126": (ONCE, ended(126)),
    "another exit code, no way to resume": (ONCE, ended(1)),
    "another exit code, restarts left, no newer checkpoint": (TRIES, ended(1)),
    "killed from outside, no way to resume": (ONCE, ended(137, "KILL", "signalled")),
    "taken with its pod while no agent lived, no way to resume": (ONCE, replace(ended(0), taken=True)),
    "the keeper or the container was lost, no way to resume": (ONCE, ended(reason="unknown")),
    "the last restart is used": (replace(TRIES, tries=4), ended(1)),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_an_end_means_what_the_table_says(cause):
    """Outcome, reason and remedy of an attempt's end are the ones that docs/outcomes.md promises."""
    outcome, reason, remedy = next(row[1:] for row in rows("What else may happen") if row[0] == cause)
    found = endings.judge(*CAUSES[cause])
    if not isinstance(found, Ending) and CAUSES[cause][0] is ONCE:
        found = endings.judge(replace(ONCE, tries=1), CAUSES[cause][1])
    assert isinstance(found, Ending)
    assert found.outcome is Outcome(outcome)
    assert reason in found.reason
    assert found.remedy == remedy


PROGRAMS = {
    "eats_memory.py": ended(137, "KILL", "oom"),
    "fills_disk.py": ended(reason="disk_full"),
    "segfaults.py": ended(139, "SEGV", "signalled"),
    "exits_silently.sh": ended(0),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_ends_as_the_table_says(program):
    """The exit record of a misbehaving program leads to the promised outcome."""
    promised = {row[0]: row[2:] for row in rows("What a program does, and how its job ends")}
    outcome, reason, remedy = promised[program]
    found = endings.judge(ONCE, PROGRAMS[program])
    assert isinstance(found, Ending)
    assert found.outcome is Outcome(outcome)
    assert reason in found.reason
    assert outcome == "succeeded" or found.remedy == remedy


def test_the_table_knows_every_program():
    """Each misbehaving program has its line."""
    known = {row[0] for row in rows("What a program does, and how its job ends")}
    assert {name for name in known if not (ROOT / "tests" / "programs" / name).exists()} == set()


def test_kills_from_outside_go_on_freely():
    """KILL, TERM, and a shell's 137 need tries, no progress; a crash needs both."""
    for free in (ended(137, "KILL", "signalled"), ended(137), ended(143), ended(reason="unknown")):
        assert isinstance(endings.judge(TRIES, free), endings.Finding)
    for own in (ended(1), ended(139, "SEGV", "signalled"), ended(137, "KILL", "oom")):
        assert isinstance(endings.judge(TRIES, own), Ending)
        moved = replace(TRIES, checkpoint=CheckpointPlace("/c", 3, 1, 2.0))
        assert isinstance(endings.judge(moved, own), endings.Finding)


def test_nobody_is_told_to_set_what_is_set():
    """A job that resumes already, and was killed once too often, is not advised to set POD_RESUME."""
    killed = ended(137, "KILL", "signalled")
    used = endings.judge(replace(TRIES, tries=4), killed)
    once = endings.judge(ONCE, killed)
    assert isinstance(used, Ending)
    assert isinstance(once, Ending)
    assert "POD_RESUME" in once.remedy
    assert "POD_RESUME" not in used.remedy


def test_progress_is_a_newer_step():
    """The same step seen again, or an older one, is no progress; without steps a later sighting is."""
    at = CheckpointPlace("/c", 3, 1, 2.0)
    seen_later = replace(at, seen_at=9.0)
    assert not replace(TRIES, before=at, checkpoint=seen_later).made_progress
    assert replace(TRIES, before=at, checkpoint=replace(at, step=4)).made_progress
    bare = replace(at, step=None)
    assert replace(TRIES, before=bare, checkpoint=replace(bare, seen_at=9.0)).made_progress
    assert not replace(TRIES, before=bare, checkpoint=bare).made_progress


def test_pauses_double_up_to_half_a_minute():
    """The first pause is half a second, none is longer than thirty."""
    assert [endings.pause_s(tries) for tries in (1, 2, 3, 7, 8, 50)] == [0.5, 1, 2, 30, 30, 30]
