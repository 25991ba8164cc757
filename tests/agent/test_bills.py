"""What ends a pod's bill though nobody asks: deadlines, idleness, things that never come, another owner."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace

import pytest

from pod_agent.pod.scribe import Hung, Scribe
from pod_agent.run import commands as c
from pod_agent.run import events as e
from pod_agent.run.asks import GiveOrder
from pod_agent.run.machine import step
from pod_agent.run.situation import State
from pod_agent.run.state import Job, load
from pod_wire.job import ExitPolicy, JobSpec
from pod_wire.orders import Verdict
from pod_wire.status import CheckpointPlace, Outcome, Phase
from tests.fakes.world import Act, Lifetime, World, new_boot

JOB = JobSpec("digits", "python train.py", resume="", max_restarts=3)
KEEP = replace(JOB, on_finish=ExitPolicy.KEEP, on_failure=ExitPolicy.KEEP)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_the_deadline_stops_the_pod_whatever_the_policy(world):
    """When POD_MAX_HOURS are over the job is timed out and the pod stops, also with policy keep."""
    world.acts = [Act(lasts=True)]
    agent = Lifetime(world, replace(KEEP, max_hours=2.0)).begin()
    agent.later(2 * 3600 - 1)
    assert agent.status.phase is Phase.RUNNING
    agent.later(2)
    assert agent.status.job.outcome is Outcome.TIMED_OUT
    assert agent.status.phase is Phase.STOPPING


def test_a_deadline_stands_while_the_folder_does_not_open(world):
    """An agent that came back beside a hung mount knows the moment from the container's disk; idleness may be off."""
    world.acts = [Act(lasts=True)]
    job = replace(JOB, max_hours=2.0, idle_minutes=0.0)
    at = Lifetime(world, job).begin().status.deadline_at
    agent = Lifetime(world, job)
    facts = agent.supervisor.facts

    def booted(boot, deadline):
        agent.supervisor.facts = replace(facts, boot=boot.id, deadline=deadline, idle_minutes=0.0)

    agent.opening._on_boot = booted
    agent.opening.boot()
    agent.say(e.Overdue(0))
    assert (agent.status.phase, agent.status.deadline_at) == (Phase.WAITING, at)
    agent.later(2 * 3600 + 1)
    assert agent.status.phase is Phase.STOPPING
    assert "POD_MAX_HOURS" in agent.status.stops_because


def test_a_clock_that_is_set_back_extends_no_deadline(world):
    """Hours are counted by the wall clock over restarts, and within a life by one that never jumps too."""
    world.acts = [Act(lasts=True)]
    agent = Lifetime(world, replace(JOB, max_hours=2.0)).begin()
    agent.later(1)
    world.clock.jump(-24 * 3600)
    agent.later(2 * 3600 - 60)
    assert agent.status.phase is Phase.RUNNING
    assert agent.supervisor.due_s() < 61
    agent.later(60)
    assert agent.status.phase is Phase.STOPPING


def test_a_container_restart_extends_no_deadline(world):
    """The moment is kept over agents and container restarts; a new boot gets its own."""
    world.acts = [Act(lasts=True)]
    job = replace(JOB, max_hours=2.0)
    first = Lifetime(world, job).begin().status.deadline_at
    world.clock.advance(3600)
    assert Lifetime(world, job).begin().status.deadline_at == first
    world.clock.advance(3 * 3600)
    assert new_boot(world, job).status.deadline_at > first


def test_a_finished_job_of_an_earlier_boot_stops_nothing(world):
    """Neither its deadline nor its exit policy ends a later boot, also after a container restart: idleness does."""
    job = replace(JOB, max_hours=2.0)
    Lifetime(world, job, order="o1").begin()
    world.clock.advance(5 * 3600)
    began = world.clock.now()
    agent = new_boot(world, job, order="o1")
    again = Lifetime(world, job, order="o1", hostname="h2").begin()
    for one in (agent, again):
        one.later(1)
        assert one.status.phase is Phase.FINISHED
        assert one.status.deadline_at == pytest.approx(began + 7200, abs=1)  # this boot's own
    again.later(15 * 60)
    assert again.status.phase is Phase.STOPPING


def test_a_wiped_disk_extends_no_deadline(world):
    """A crash that loses the container's disk is the same boot at the same address: the moment stands."""
    world.acts = [Act(lasts=True)]
    job = replace(JOB, max_hours=2.0)
    first = Lifetime(world, job).begin().status
    world.clock.advance(3600)
    shutil.rmtree(world.root / "disk")
    again = Lifetime(world, job).begin().status
    assert again.deadline_at == first.deadline_at


def test_a_hung_workspace_fails_the_job_and_stops_the_pod(world):
    """A mount that does not answer costs five seconds; outcome and record are on the container's disk."""
    quill, gate = Scribe(limit_s=0.05), threading.Event()
    with pytest.raises(Hung):
        quill.do("hang", gate.wait)
    agent = Lifetime(world, JOB, quill=quill).begin()
    gate.set()
    assert agent.status.job.outcome is Outcome.FAILED
    assert "does not answer" in agent.status.job.reason
    assert (world.root / "disk" / "jobs" / "digits" / "state.json").exists()
    assert agent.status.phase is Phase.STOPPING


def test_waiting_too_long_stops_the_pod(world):
    """A pod without a job stops itself after the idle minutes, and says beforehand when."""
    agent = Lifetime(world).begin()
    assert agent.status.stops_because == "idle"
    agent.later(15 * 60 - 1)
    assert agent.status.phase is Phase.WAITING
    agent.later(2)
    assert agent.status.phase is Phase.STOPPING
    assert world.stops == [False]


def test_an_agent_that_dies_again_and_again_does_not_count_anew(world):
    """Rest is the boot's, not the agent's: whoever comes back ten minutes later has five left."""
    for _ in range(3):
        agent = Lifetime(world).begin()
        assert agent.status.stops_because == "idle"
        world.clock.advance(5 * 60 - 1)
    agent = Lifetime(world).begin()
    agent.later(4)
    assert agent.status.phase is Phase.STOPPING


def test_a_finished_job_that_is_kept_is_not_kept_by_restarts(world):
    """The same holds after a job; work in between, or another boot, begins the count anew."""
    agent = Lifetime(world, KEEP).begin()
    assert agent.status.phase is Phase.FINISHED
    world.clock.advance(14 * 60)
    agent = Lifetime(world, KEEP).begin()
    assert agent.status.phase is Phase.FINISHED
    assert agent.status.stops_at == pytest.approx(world.clock.now() + 60)
    shutil.rmtree(world.root / "disk")  # a stop wipes the container's disk, a start gives another address
    agent = Lifetime(world, KEEP, hostname="h2").begin()
    assert agent.status.stops_at == pytest.approx(world.clock.now() + 15 * 60)


def test_refused_stops_are_told(world):
    """Every round of the ladder is in the status and in the journal."""
    agent = Lifetime(world, JOB).begin()
    for rounds in (1, 2):
        agent.say(e.StopRefused(rounds, "v2 stop: 403"))
    assert (agent.status.stop_attempts, agent.status.stop_error) == (2, "v2 stop: 403")
    assert [entry["kind"] for entry in agent.journal_kinds("digits")][-2:] == ["stop_refused"] * 2


def test_another_owner_ends_the_training(world):
    """A pod that has lost its folder to another one ends its training."""
    world.acts = [Act(lasts=True)]
    agent = Lifetime(world, JOB).begin().say(e.OwnerLost("pod-b"))
    assert agent.status.job.outcome is Outcome.FAILED
    assert "pod-b" in agent.status.job.reason


def test_a_folder_that_never_opens_bills_for_fifteen_minutes_more(world):
    """An opening that hangs on a dead mount is given up, said, and left to the idle watchdog."""
    agent = Lifetime(world, JOB)
    agent.say(e.Overdue(0))
    assert agent.status.phase is Phase.WAITING
    assert "does the workspace answer" in agent.status.warnings[0]
    agent.later(15 * 60 + 1)
    assert agent.status.phase is Phase.STOPPING


def test_an_attempt_that_never_starts_fails(world):
    """A start that hangs ends the job failed after five minutes; one that came in time is not disturbed."""
    world.acts = [Act(lasts=True)]
    agent = Lifetime(world, JOB).begin()
    agent.later(301)
    assert agent.status.phase is Phase.RUNNING
    world.fail = {c.StartAttempt: e.Warned("nothing happens")}
    stuck = Lifetime(World(world.root / "other", fail=world.fail), JOB).begin()
    stuck.later(301)
    assert stuck.supervisor.state.job.ending.reason == "the attempt did not start in time"


class Stumbling(Scribe):
    """A workspace that takes nothing while ``is_down``."""

    is_down = False

    def do(self, what, act):
        if self.is_down:
            raise Hung(f"cannot {what}")
        return super().do(what, act)


def test_a_workspace_that_stumbled_is_used_again(world):
    """The container's disk is wiped by a stop: what a mount did not take for a moment is there afterwards, in order."""
    world.acts = [Act(lasts=True)]
    quill = Stumbling()
    agent = Lifetime(world, JOB, quill=quill).begin()
    far = world.root / "ws" / ".podkeep" / "jobs" / "digits"
    quill.is_down = True
    agent.say(e.BecameWhole(CheckpointPlace("/w/a", 1, 1, 0.0)))
    quill.is_down = False
    assert agent.folders.of("digits").path == far
    agent.say(e.BecameWhole(CheckpointPlace("/w/b", 2, 1, 0.0)))
    shutil.rmtree(world.root / "disk")
    steps = [entry["step"] for entry in agent.journal_kinds("digits") if entry["kind"] == "checkpoint"]
    assert steps == [1, 2]
    assert load((far / "state.json").read_bytes()).checkpoint.step == 2


def test_a_training_is_hurried_before_a_hung_mount_takes_the_pods_last_seconds(world):
    """On TERM the signal goes out first; the record is kept then."""
    world.acts = [Act(lasts=True)]
    hurried_when_asked = []

    class Noting(Scribe):
        def do(self, what, act):
            hurried_when_asked.append(c.HurryAttempt() in world.done)
            return super().do(what, act)

    agent = Lifetime(world, JOB, quill=Noting()).begin()
    assert not any(hurried_when_asked)
    hurried_when_asked.clear()
    agent.say(e.Termed())
    assert hurried_when_asked
    assert all(hurried_when_asked)
    assert agent.status.job.outcome is Outcome.INTERRUPTED


def test_a_job_that_could_not_begin_begins_in_its_folder_later(world):
    """What stood in for its record is forgotten: the run, its attempts and its log are those of the workspace."""
    Lifetime(world, KEEP, order="o1").begin()
    quill = Stumbling()
    quill.is_down = True
    agent = Lifetime(world, KEEP, order="o2", quill=quill).begin()
    assert agent.status.job.outcome is Outcome.FAILED
    for _ in range(9):
        agent.say(e.Warned("so that the stand-in is written often"))
    quill.is_down = False
    run = load((world.root / "ws/.podkeep/jobs/digits/state.json").read_bytes()).run
    assert agent.ask(GiveOrder(KEEP, "o3")).accepted
    assert agent.status.job.outcome is Outcome.SUCCEEDED
    assert (agent.status.job.run, len(agent.status.job.attempts)) == (run, 2)
    assert agent.folders.of("digits").is_far


def test_who_lost_a_folder_writes_nothing_there_any_more(world):
    """The other pod's record stays as it is; ours goes to the container's disk."""
    world.acts = [Act(lasts=True)]
    agent = Lifetime(world, JOB).begin()
    far = world.root / "ws" / ".podkeep" / "jobs" / "digits"
    (far / "owner.json").write_text('{"pod": "pod-b", "boot": "b", "nonce": "n"}')
    before = {path.name: path.read_bytes() for path in far.iterdir() if path.is_file()}
    assert agent.opening.renew() == "pod-b"
    agent.say(e.OwnerLost("pod-b"))
    assert agent.status.job.outcome is Outcome.FAILED
    assert {path.name: path.read_bytes() for path in far.iterdir() if path.is_file()} == before
    assert agent.opening.renew() is None


def test_a_folder_that_opens_too_late_takes_no_other_order_s_place():
    """An opening that was given up and comes back does not push aside the job that was ordered since."""
    mine, late = (Job(JOB, order, "r", 0.0, "b") for order in ("o2", "o1"))
    state = State(Phase.SYNCING, mine, opening=True)
    for event in (e.Opened(late, Verdict.RUN, same_boot=True), e.OpenFailed(late, "no answer")):
        assert step(state, event, 1.0)[0] == state
    assert step(state, e.Opened(mine, Verdict.RUN, same_boot=True), 1.0)[0].stepping


def test_an_opening_that_hangs_does_not_hold_the_loop(world):
    """The record is held by a thread that waits for RunPod: an order is taken up all the same, brakes go on."""
    agent = Lifetime(world)
    agent.opening.boot()
    with agent.opening._lock:
        agent.opening.accept(KEEP, "p1")
    agent.opening.order(KEEP, "p1")
    assert agent.opening._known_record().accepted.order == "p1"
