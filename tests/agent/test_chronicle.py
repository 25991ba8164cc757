"""The receipt beside the job's record: over boots, beside a workspace that hangs or is full, and without secrets."""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import replace

import pytest

from pod_agent.pod import scribe
from pod_agent.progress import ledger
from pod_agent.progress.course import Course
from pod_agent.run import books as stays
from pod_agent.run import events as e
from pod_agent.run.folders import JobFolder
from pod_agent.run.receipt import chronicle, reading
from pod_agent.run.receipt.chronicle import Chronicle
from pod_wire.codec import from_json
from pod_wire.job import ExitPolicy, JobSpec
from pod_wire.masker import Masker
from pod_wire.receipt import Receipt, Steps
from pod_wire.receipt_rows import rows
from pod_wire.secrets import Secret
from pod_wire.status import Outcome, Phase
from tests.fakes.world import Act, Lifetime, World, ended, new_boot
from tests.live import wait_for

JOB = JobSpec("digits", "python train.py --key hush-hush-hush", resume="", max_restarts=3)
HUSH = Masker([Secret("hush-hush-hush")])


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def chronicle_of(agent, world, patience_s=30.0):
    agent.supervisor.update(lambda facts: replace(facts, booted_at=world.clock.now() - 60, price=0.36))
    return Chronicle(world.clock, HUSH, agent.folders, agent.supervisor, patience_s)


def written(agent):
    """Both files, as they lie in the job's folder."""
    folder = agent.folders.of("digits").path
    told = from_json(Receipt, (folder / chronicle.JSON).read_bytes())
    return told, (folder / chronicle.PAGE).read_text()


def test_a_job_that_has_ended_leaves_its_receipt(world):
    """Before the stop is asked for, both files are there, private, whole, with the outcome and who stops the pod."""
    agent = Lifetime(world, JOB).begin()
    chronicle_of(agent, world).stopping(None)
    told, page = written(agent)
    assert (told.format, told.outcome, told.reason) == (1, Outcome.SUCCEEDED, "exit code 0")
    assert told.stop is not None
    assert told.stop.because == "the job has succeeded"
    assert told.paid_s == 60.0
    assert told.dollars == 0.006
    assert "| outcome | succeeded: exit code 0 |" in page
    folder = agent.folders.of("digits").path
    assert {oct((folder / name).stat().st_mode & 0o777) for name in ("receipt.json", "receipt.md")} == {
        "0o600"
    }
    assert [path for path in folder.iterdir() if path.name.startswith(".receipt")] == []


def test_no_secret_is_in_it(world):
    """What stands in commands, reasons and remedies is masked in the files, in the answer and in the status."""
    agent = Lifetime(world, JOB).begin()
    book = chronicle_of(agent, world)
    book.stopping(None)
    folder = agent.folders.of("digits").path
    shown = json.dumps(agent.status.receipt) + repr(book.told("digits", None))
    for text in ((folder / chronicle.JSON).read_text(), (folder / chronicle.PAGE).read_text(), shown):
        assert "hush-hush" not in text
    assert written(agent)[0].command == "python train.py --key **************"


def test_it_goes_on_over_boots(world):
    """The second boot's receipt tells both, with all attempts; the first boot's stay comes from the workspace."""
    world.acts = [Act(step=5, lasts=True), Act()]
    first = Lifetime(world, JOB).begin()
    book = chronicle_of(first, world)
    world.clock.advance(100)
    first.say(e.Termed())
    book.drained(None)
    told, _ = written(first)
    assert told.outcome is Outcome.INTERRUPTED
    state, facts = first.supervisor.state, first.supervisor.facts
    stay = ledger.Stay(
        state.job.run, "pod-a", facts.boot, facts.booted_at, world.clock.now(), 0.36, gpu="1 x A4000"
    )
    stays.write(first.folders.of("digits"), ledger.FILE, ledger.Ledger((stay,)))
    world.clock.advance(5000)
    second = new_boot(world, JOB)
    chronicle_of(second, world).stopping(None)
    told, page = written(second)
    assert [boot.lives for boot in told.boots] == [False, True]
    assert told.boots[0].ending == "interrupted: the pod was taken from under the job"
    assert (told.boots[0].gpu, told.boots[0].seconds) == ("1 x A4000", 160.0)
    assert told.paid_s == 220.0
    assert [attempt.number for attempt in told.attempts] == [1, 2]
    assert page.count("| boots |") == 1


def test_a_boot_that_only_waits_did_not_end_the_job(world):
    """A job that had ended is at rest in the next boot: its receipt says so, and no stop is days after its end."""
    first = Lifetime(world, JOB).begin()
    chronicle_of(first, world).stopping(None)
    stay = ledger.Stay(
        first.supervisor.state.job.run, "pod-a", first.supervisor.facts.boot, world.clock.now() - 60,
        world.clock.now(), 0.36,
    )  # fmt: skip
    stays.write(first.folders.of("digits"), ledger.FILE, ledger.Ledger((stay,)))
    world.clock.advance(86400)
    second = new_boot(world, JOB)
    book = chronicle_of(second, world)
    told = book.told("digits", None)
    assert [boot.ending for boot in told.boots] == ["succeeded: exit code 0", None]
    assert told.stop is None
    assert any("waits, with nothing of this job to do" in words for _, words in rows(told, str))
    second.later(120)
    second.say(e.IdleTooLong("idle: no job for 15 minutes"))
    book.stopping(None)
    told, _ = written(second)
    assert (told.stop.because, told.stop.after_s) == ("idle: no job for 15 minutes", None)
    assert told.outcome is Outcome.SUCCEEDED


def test_the_status_has_it_with_the_outcome_and_not_of_an_older_order(world):
    """Whoever reads an outcome has its receipt in the same answer; while a job runs there is none in it."""
    world.acts = [Act(lasts=True)]
    agent = Lifetime(world, replace(JOB, on_finish=ExitPolicy.KEEP)).begin()
    book = chronicle_of(agent, world)
    assert agent.status.receipt is None
    agent.effects._end(ended(), None)
    agent.pump(timers=False)
    book.drained(None)
    assert agent.status.phase is Phase.FINISHED
    assert agent.status.receipt["outcome"] == "succeeded"
    assert agent.status.receipt["stop"] is None
    assert (agent.folders.of("digits").path / chronicle.PAGE).exists(), (
        "nothing follows that would wait for it"
    )
    agent.supervisor.update(lambda facts: replace(facts, receipt={**(facts.receipt or {}), "order": "older"}))
    assert agent.status.receipt is None


def test_what_the_training_said_last_is_read_first(world):
    """The reader of progress is asked to catch up, for a moment at most; its books go before the disk's."""
    agent = Lifetime(world, JOB).begin()
    asked = []

    class Reader:
        def catch_up(self, limit_s):
            asked.append(limit_s)

        def course(self, run):
            return Course(run=run, steps=(Steps(1, 60),))

    chronicle_of(agent, world).drained(Reader())
    assert asked == [chronicle.CATCH_UP_S]
    wait_for("the files", (agent.folders.of("digits").path / chronicle.PAGE).exists)
    assert written(agent)[0].steps == (Steps(1, 60),)


def test_a_workspace_that_hangs_costs_a_moment(world, tmp_path):
    """The books lie behind a pipe that nobody writes: the outcome is told from memory, and the stop is not held up."""
    agent = Lifetime(world, JOB).begin()
    journal = agent.folders.of("digits").path / "journal.jsonl"
    journal.unlink()
    os.mkfifo(journal)
    began = time.monotonic()
    chronicle_of(agent, world, chronicle.WRITE_S).stopping(None)
    assert time.monotonic() - began < 20
    told = agent.status.receipt
    assert (told["outcome"], told["unknown"]) == ("succeeded", [reading.NO_BOOKS])
    assert {one["phase"] for one in told["phases"]} >= {"boot"}
    wait_for("the reader to be let go", lambda: journal.write_bytes(b"") == 0)


def test_an_agent_that_leaves_waits_for_the_receipt_being_written(world):
    """A workspace that is slow, and answers in the end: the files are there before the folder is let go of."""
    agent = Lifetime(world, JOB).begin()
    journal = agent.folders.of("digits").path / "journal.jsonl"
    journal.unlink()
    os.mkfifo(journal)
    book = chronicle_of(agent, world, chronicle.WRITE_S)
    book.leave(30.0)
    book.stopping(None)
    answers = threading.Timer(0.2, lambda: journal.write_bytes(b""))
    answers.start()
    book.leave(30.0)
    assert written(agent)[0].outcome is Outcome.SUCCEEDED
    answers.join()


def test_a_disk_that_takes_nothing_is_no_trouble(world):
    """A folder that is gone: the receipt is told all the same, and nothing raises."""
    agent = Lifetime(world, JOB).begin()
    book = chronicle_of(agent, world)
    folder = agent.folders.of("digits").path
    folder.rename(folder.with_name("gone"))
    book.stopping(None)
    assert agent.status.receipt["outcome"] == "succeeded"
    assert book.told("other", None) is None


def test_a_pod_without_a_job_has_none(world):
    """Nothing is told or written."""
    agent = Lifetime(world).begin()
    book = chronicle_of(agent, world)
    book.stopping(None)
    assert book.told(None, None) is None
    assert agent.status.receipt is None


def test_a_long_journal_is_read_from_its_end(tmp_path):
    """A megabyte at most, and what is left out is said."""
    line = b'{"at":1,"kind":"warning","text":"' + b"x" * 1000 + b'"}\n'
    (tmp_path / "journal.jsonl").write_bytes(line * 2000)
    books = reading.books(JobFolder(tmp_path, tmp_path, scribe.Scribe()), "r1", None)
    assert books.unknown == (reading.CUT,)
    assert 900 < len(books.entries) < 1100


def test_a_cut_journal_still_tells_the_boot_that_it_is_about(world):
    """The order lies before the last megabyte: phases come from the record, end and stop from what was read."""
    agent = Lifetime(world, JOB).begin()
    path = agent.folders.of("digits").path / "journal.jsonl"
    kept = [line for line in path.read_bytes().splitlines(keepends=True) if b'"kind":"order"' not in line]
    order = path.read_bytes().splitlines(keepends=True)[0]
    assert b'"kind":"order"' in order
    noise = json.dumps({"at": world.clock.now(), "kind": "warning", "text": "x" * 1000}).encode() + b"\n"
    early, late = kept[:3], kept[3:]
    assert sum(b"stop_requested" in line for line in late) == 1
    path.write_bytes(b"".join((order, *early, noise * 1100, *late)))
    (boot,) = chronicle_of(agent, world).told("digits", None).boots
    whole = {one.phase for one in boot.spells}
    assert (boot.stop, boot.ending) == ("the job has succeeded", "succeeded: exit code 0")
    assert whole >= {"boot", "running", "stopping"}, whole
