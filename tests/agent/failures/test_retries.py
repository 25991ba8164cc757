"""What a failure's class does to the next attempt: by the rules of endings, and in the record; and the evidence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pod_agent.outputs.log import JobLog
from pod_agent.outputs.masked import MaskedLog
from pod_agent.run import endings, records
from pod_agent.run import events as e
from pod_agent.run.attempt_plan import Ended
from pod_agent.run.failures.evidence import TAIL_BYTES
from pod_agent.run.failures.examiner import Examiner, disks_of, has_stepped, places, tail_of
from pod_agent.run.failures.failure import Again, Kind
from pod_agent.run.failures.retry import RULES, failure
from pod_agent.run.state import Ending, Job
from pod_wire.job import JobSpec
from pod_wire.masker import Masker
from pod_wire.secrets import Secret
from pod_wire.status import Attempt, CheckpointPlace, Outcome
from tests.fakes.clock import FakeClock

SAVED = CheckpointPlace("/c/9", 9, 1, 2.0)
TRIES = Job(JobSpec("j", "x", resume="", max_restarts=3), "o", "r", 0.0, "b", attempts=(Attempt(1),), tries=1)
MOVED = replace(TRIES, checkpoint=SAVED)
ONCE = Ended(1, None, "exited", cancelled=False, output_bytes=9, ended_at=5.0)
CODE = {Kind.IMPORT, Kind.SYNTAX, Kind.ARGUMENTS, Kind.NO_CUDA}
WANTED = CODE | {Kind.LOGIN, Kind.FORBIDDEN, Kind.GATED, Kind.DISK_FULL, Kind.QUOTA}


@pytest.mark.parametrize("kind", Kind)
def test_the_class_decides_on_another_attempt(kind):
    """With restarts left and a newer checkpoint, what would come again ends the job; anything else goes on."""
    found = endings.judge(MOVED, ONCE, failure(kind, "why", saved=True))
    rule = RULES[kind]
    if (rule.later or rule.again) is Again.NEVER:
        assert found == Ending(Outcome.FAILED, "why", rule.remedy)
    else:
        assert isinstance(found, endings.Finding)


@pytest.mark.parametrize("kind", Kind)
def test_without_progress_only_a_kill_goes_on(kind):
    """Attempts only while they make progress: where nothing newer was saved, only ends from outside are tried again."""
    found = endings.judge(TRIES, ONCE, failure(kind, "why", saved=False))
    is_outside = RULES[kind].again is Again.FREELY
    assert isinstance(found, endings.Finding if is_outside else Ending)


def test_what_would_come_again_is_known():
    """The classes that nothing but a correction helps are never tried again."""
    assert {
        kind for kind in WANTED if not RULES[kind].deterministic or RULES[kind].again is not Again.NEVER
    } == set()


def test_the_class_is_in_the_attempts_record():
    """Status and journal have the class beside the reason."""
    job = replace(TRIES, attempts=(Attempt(1, started_at=1.0),))
    closed = records.over(job, e.AttemptEnded(1, ONCE, None, failure(Kind.NAN, "why")), "why").attempts[-1]
    assert (closed.failure, closed.reason) == ("nan", "why")
    assert records.over(job, e.AttemptEnded(1, ONCE), "exit code 1").attempts[-1].failure is None


def masked(folder: Path, said: bytes, *secrets: str) -> MaskedLog:
    log = JobLog(folder)
    log.create()
    log.append(b"podkeep: attempt 1\n" + said + b"EXIT_CODE=1\n")
    return MaskedLog(log, Masker([Secret(one) for one in secrets]), lambda: False)


def test_the_tail_is_the_attempts_own(tmp_path):
    """Neither the header, nor the exit's line, nor an earlier attempt is evidence; and it is never much."""
    said = b"Traceback\nKeyError: 'x'\n"
    assert tail_of(masked(tmp_path / "a", said), len(said)).strip() == said.strip()
    assert tail_of(masked(tmp_path / "b", b""), 0) == b""
    much = b"x\n" * TAIL_BYTES
    assert len(tail_of(masked(tmp_path / "c", much), len(much))) <= TAIL_BYTES


def test_silence_about_steps_says_nothing_of_a_log_that_was_cut():
    """A step that was told was made; none was told only where the whole log was read."""
    assert has_stepped(b"epoch 1 loss 0.5\n", is_whole=False)
    assert has_stepped(b"loading\n", is_whole=True) is False
    assert has_stepped(b"loading\n", is_whole=False) is None


def test_no_secret_is_in_a_reason(tmp_path):
    """What an error quotes of a token is stars in status, record and log."""
    token = "hf_QxZkWvBnMpLrTsYdFgHj"
    said = b"Traceback (most recent call last):\nValueError: bad token " + token.encode() + b"\n"
    log = masked(tmp_path, said, token)
    found = Examiner(lambda _: log, (), FakeClock()).examine(
        TRIES, replace(ONCE, output_bytes=len(said)), None, 0.0
    )
    assert found is not None
    assert (
        found.reason
        == f"the program ended with an error: ValueError: bad token {'*' * len(token)} (exit code 1)"
    )


def test_a_log_that_cannot_be_read_leaves_the_exit(tmp_path):
    """A workspace that is gone costs the log's words, never the end itself."""
    log = MaskedLog(JobLog(tmp_path / "none"), Masker([]), lambda: False)
    found = Examiner(lambda _: log, places(tmp_path / "gone", tmp_path), FakeClock()).examine(
        TRIES, ONCE, None, 0.0
    )
    assert found is not None
    assert (found.kind, found.reason) == (Kind.UNKNOWN, "exit code 1")


@pytest.mark.parametrize("end", [{"exit_code": 0}, {"cancelled": True}, {"taken": True}])
def test_a_good_end_is_no_failure(end):
    """Nothing is looked for where nothing failed, or somebody asked for the end."""
    assert Examiner(lambda _: None, (), FakeClock()).examine(TRIES, replace(ONCE, **end), None, 0.0) is None


def test_disks_are_told_once(tmp_path):
    """Two places on one file system are one disk, and one that is not there is none."""
    told = list(disks_of((("one", tmp_path), ("the same", tmp_path), ("none", tmp_path / "no"))))
    assert [disk.name for disk in told] == ["one"]
    assert told[0].free_bytes is not None
    assert told[0].free_bytes >= 0
