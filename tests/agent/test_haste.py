"""What TERM does to everybody's patience: a pod that goes has five seconds for all of it."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from pod_agent import haste
from pod_agent.haste import Haste
from pod_agent.pod.scribe import Hung, Scribe
from pod_agent.run import commands as c
from pod_agent.run import events as e
from pod_agent.run import exits, machine
from pod_agent.run.situation import Alive, State
from pod_agent.run.state import Job
from pod_wire.job import JobSpec
from pod_wire.status import Attempt, Outcome, Phase
from tests.fakes.clock import FakeClock

JOB = Job(JobSpec(name="digits", command="x"), "o1", run="r1", run_began_at=1.0, boot="b1", accepted_at=1.0)


def at(phase: Phase, **more: object) -> State:
    return State(phase=phase, job=JOB, serial=4, **more)


def overdue(commands: tuple[c.Command, ...]) -> list[float]:
    return [one.seconds for one in commands if isinstance(one, c.After)]


def test_without_term_everybody_has_their_usual_patience():
    """Followers and services of a pod that leaves by itself get what they always got."""
    patience = Haste(FakeClock())
    assert patience.for_followers(3.0) == 3.0
    assert patience.for_services() == haste.SERVICES_S
    assert patience.for_mirror() == haste.MIRROR_S
    assert patience.for_receipt() == haste.RECEIPT_S


def test_after_term_patience_shrinks_to_what_is_left():
    """A second for followers at first, nothing once four of the five seconds are over; a later TERM changes nothing."""
    clock, told = FakeClock(), []
    patience = Haste(clock)
    hear = patience.hearing(lambda: told.append("loop"), lambda: told.append("training"))
    hear()
    assert told == ["training", "loop"]
    assert patience.for_followers(3.0) == haste.FOLLOWERS_S
    clock.sleep(3.0)
    hear()
    assert patience.for_followers(3.0) == pytest.approx(haste.FOLLOWERS_BY_S - 3.0)
    assert patience.for_services() == pytest.approx(haste.SERVICES_BY_S - 3.0)
    clock.sleep(3.0)
    assert (patience.for_followers(3.0), patience.for_mirror(), patience.for_services()) == (0.0, 0.0, 0.0)
    assert patience.for_receipt() == 0.0


def test_the_latest_patience_is_over_before_the_kill():
    """Every limit lies within the five seconds, in the order of leaving."""
    limits = [exits.LEAVE_S, haste.FOLLOWERS_BY_S, haste.MIRROR_BY_S, haste.RECEIPT_BY_S, haste.SERVICES_BY_S]
    assert limits == sorted(limits)
    assert limits[-1] < 4.5


@pytest.mark.parametrize("phase", [Phase.SYNCING, Phase.INSTALLING, Phase.RESTORING])
def test_a_step_that_does_not_end_holds_no_pod_that_goes(phase):
    """A step may hang on a dead mount: after TERM it is given up in time, and the job is interrupted."""
    state, commands = machine.step(at(phase, stepping=True), e.Termed(), 10.0)
    assert c.CancelStep() in commands
    assert overdue(commands) == [exits.LEAVE_S]
    state, commands = machine.step(state, e.DrainOverdue(state.serial), 12.5)
    assert state.phase is Phase.FINISHED
    assert state.job.ending.outcome is Outcome.INTERRUPTED
    _, commands = machine.step(state, e.Settle(state.serial), 12.5)
    assert commands == (c.ExitAgent(0),)


def test_term_while_a_job_is_cancelled_shortens_its_time():
    """A minute to drain becomes what is left; the outcome that was decided stays."""
    running = at(Phase.RUNNING, alive=Alive.LIVE)
    state, commands = exits.drain(running, exits.Ending(Outcome.CANCELLED, "on request"), 9.0)
    assert overdue(commands) == [exits.DRAIN_S]
    state, commands = machine.step(state, e.Termed(), 10.0)
    assert c.HurryAttempt() in commands
    assert overdue(commands) == [exits.LEAVE_S]
    state, _ = machine.step(state, e.DrainOverdue(state.serial), 12.5)
    assert state.job.ending.outcome is Outcome.CANCELLED


def test_nothing_is_written_into_a_folder_that_may_be_another_pod_s():
    """The order was taken up and its folder is not open yet: after TERM the agent leaves without a record of it."""
    state, _ = machine.step(at(Phase.SYNCING, opening=True), e.Termed(), 10.0)
    after, commands = machine.step(state, e.DrainOverdue(state.serial), 12.5)
    assert after.opening
    assert commands == (c.ExitAgent(0),)


def test_an_attempt_that_is_still_being_started_is_hurried_once_it_lives():
    """TERM between the decision to begin and the first process of the training."""
    begun = replace(JOB, attempts=(Attempt(1),))
    state, commands = machine.step(replace(at(Phase.RUNNING, alive=Alive.ASKED), job=begun), e.Termed(), 10.0)
    assert c.HurryAttempt() not in commands
    state, commands = machine.step(state, e.AttemptStarted(1, 7, 10.1), 10.1)
    assert c.HurryAttempt() in commands


def test_who_waits_for_a_mount_already_is_let_go():
    """The scribe's five seconds end with TERM, also for a wait that began before; the next does not begin."""
    quill, stuck, held = Scribe(limit_s=60.0), threading.Event(), []

    def wait() -> None:
        began = time.monotonic()
        with pytest.raises(Hung):
            quill.do("write", stuck.wait)
        held.append(time.monotonic() - began)

    waiting = threading.Thread(target=wait)
    waiting.start()
    quill.hurry()
    waiting.join(30)
    assert held
    assert held[0] < 30
    with pytest.raises(Hung):
        quill.do("write again", lambda: None)
    stuck.set()
