"""The book of a run's boots: in every bad state, of several jobs on one boot, beside a workspace that hangs."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pod_agent.pod.armed import Armed
from pod_agent.pod.scribe import Hung, Scribe
from pod_agent.run import books
from pod_agent.run import events as e
from pod_agent.run.asks import GiveOrder
from pod_wire.runpod.models import Pod
from pod_wire.status import Outcome, Phase, SelfStop
from tests.agent.billed_pod import HOUR, JOB, Budgeted, boots_again
from tests.fakes.world import World, ended


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


BOOKS = {
    "half-written": b'{"stays": [{"run": "r", "po',
    "no text": b"\xff\xfe\x00",
    "another shape": b'{"stays": {"a": 1}}',
    "empty": b"",
}


@pytest.mark.parametrize("book", BOOKS.values(), ids=BOOKS)
def test_a_lost_book_is_said_and_the_attempts_are_counted(world, book):
    """What the attempts of earlier boots took is known from the job's record: better than nothing, and a warning."""
    pod = Budgeted(world).later(4 * HOUR)
    end = replace(ended(1), ended_at=world.clock.now())
    pod.agent.say(e.AttemptEnded(1, end))
    where = pod.agent.folders.of("digits").path / "stays.json"
    where.write_bytes(book)
    again = boots_again(world, order="o2").later(60)
    assert again.spent.seconds == pytest.approx(4 * HOUR + 60, abs=30)
    assert "4 h 0 min of its attempts are counted instead" in " ".join(again.status.warnings)
    assert again.status.phase is Phase.RUNNING
    assert len(json.loads(where.read_text())["stays"]) == 2


def test_another_job_of_the_same_boot_pays_for_itself_only(world):
    """Also after the agent has died in between, and when the first one comes back: no second is paid twice."""
    pod = Budgeted(world, order="o1").later(3 * HOUR)
    pod.agent.say(e.AttemptEnded(1, ended(0)))
    other = replace(JOB, name="other", max_cost=1.0)
    assert pod.agent.ask(GiveOrder(other, "o2")).accepted
    pod.later(0.5 * HOUR)
    assert pod.status.phase is Phase.RUNNING
    assert pod.spent.seconds == pytest.approx(0.5 * HOUR, abs=5)
    again = Budgeted(world, other, order="o2").later(60)
    assert again.spent.seconds == pytest.approx(0.5 * HOUR + 60, abs=20)
    again.agent.say(e.AttemptEnded(again.status.job.attempts[-1].number, ended(0)))
    assert again.agent.ask(GiveOrder(JOB, "o3")).accepted
    again.later(HOUR)
    assert again.spent.seconds == pytest.approx(4 * HOUR, abs=60)


def test_the_minutes_before_the_agent_are_paid_for_too(world):
    """RunPod's start of the pod counts where the clocks agree; a start of long ago is none of this boot's."""
    for early, counted in ((300.0, 300.0), (-50.0, 0.0), (5 * HOUR, 0.0)):
        pod = boots_again(world, order=f"o{early}", hostname=f"h{early}", job=replace(JOB, fresh=True))
        moment = world.clock.now() - early
        stamp = datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")
        seen = Pod(id="pod-a", name="p", status="RUNNING", started_at=stamp)
        pod.bill.learned(Armed(SelfStop.PROVED, seen))
        pod.later(60)
        assert pod.spent.seconds == pytest.approx(60 + counted, abs=2)
        pod.bill.learned(Armed(SelfStop.PROVED, seen, clock_words="the clock is wrong"))


def test_a_set_clock_is_written_down_once(world):
    """The deadlines' file follows the clock and is left alone again; nothing is synced to a disk every second."""
    pod = Budgeted(world, replace(JOB, max_hours=5.0)).later(20, pace=1.0)
    file = world.root / "disk" / "deadline.json"
    first = file.stat().st_ino
    pod.later(20, pace=1.0)
    assert file.stat().st_ino == first
    world.clock.jump(HOUR)
    pod.later(1.0)
    second = file.stat().st_ino
    assert second != first
    pod.later(20, pace=1.0)
    assert file.stat().st_ino == second


def test_a_full_disk_is_tried_again(world):
    """The deadline's file is written as soon as the disk takes it; a folder in its place is as bad as a full disk."""
    pod = Budgeted(world)
    disk = world.root / "disk"
    shutil.rmtree(disk)
    disk.write_bytes(b"no folder")
    world.clock.jump(HOUR)
    pod.later(30, pace=5.0)
    assert pod.status.phase is Phase.RUNNING
    disk.unlink()
    pod.later(5)
    assert pod.kept["at"] == pytest.approx(pod.status.budget_at, abs=2)


class Stuck(Scribe):
    """A workspace that does not answer while ``is_down``."""

    is_down = False

    def do(self, what, act):
        if self.is_down:
            raise Hung(f"cannot {what}")
        return super().do(what, act)


def test_a_workspace_that_hangs_holds_no_brake(world):
    """Dollars go on being counted from what the container's disk and this life know, and end the job in time."""
    quill = Stuck()
    pod = Budgeted(world, quill=quill).later(9 * HOUR)
    quill.is_down = True
    pod.later(HOUR + 60)
    assert pod.status.job.outcome is Outcome.TIMED_OUT
    assert pod.status.phase is Phase.STOPPING


def test_an_agent_beside_a_dead_mount_knows_the_budget_s_end(world):
    """Its folder does not open; the moment is on the container's disk."""
    at = Budgeted(world).later(HOUR).status.budget_at
    quill = Stuck()
    quill.is_down = True
    agent = Budgeted(world, quill=quill)
    assert agent.agent.supervisor.facts.deadline.at == pytest.approx(at, abs=2)
    agent.agent.supervisor.state = replace(agent.agent.supervisor.state, job=None, phase=Phase.WAITING)
    assert (agent.status.budget_at, agent.status.deadline_at) == (pytest.approx(at, abs=2), None)


def test_a_newer_podkeep_s_book_is_left_untouched(world):
    """Nobody who cannot read it may write it; a cap that needs it fails, a job without one runs."""
    pod = Budgeted(world)
    where = pod.agent.folders.of("digits").path / "stays.json"
    newer = b'{"format": 99, "stays": []}'
    where.write_bytes(newer)
    again = boots_again(world).later(120)
    assert again.status.job.outcome is Outcome.FAILED
    assert "newer podkeep" in again.status.job.reason
    free = boots_again(world, replace(JOB, max_cost=None), hostname="h3", order="o2").later(120)
    assert free.status.phase is Phase.RUNNING
    assert where.read_bytes() == newer


def test_a_book_of_the_boot_that_cannot_be_read_costs_nothing_but_itself(tmp_path):
    """Missing, broken, or of another boot: as if nothing had been billed on this one."""
    for data in (None, b"{", b'{"stays": 5}', b'{"format": 9}'):
        if data is not None:
            (tmp_path / "stays.json").write_bytes(data)
        assert books.of_boot(tmp_path / "stays.json", "b").stays == ()
