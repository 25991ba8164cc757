"""The lifecycle's table: every event in every state, the promises that hold in all of them, and the printed diagram."""

from __future__ import annotations

import functools
import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pod_agent.run import commands as c
from pod_agent.run import events as e
from pod_agent.run import machine
from pod_agent.run.asks import Cancel, GiveOrder, Restart, Stop
from pod_agent.run.attempt import Ended
from pod_agent.run.left import Leave, Parting
from pod_agent.run.situation import Alive, State
from pod_agent.run.state import Ending, Job, Stall
from pod_wire.job import ExitPolicy, JobSpec
from pod_wire.orders import Verdict
from pod_wire.status import Attempt, CheckpointPlace, Held, Outcome, Phase, Rehearsal, Rehearsed

DOC = Path(__file__).parents[2] / "docs" / "lifecycle.md"
SPEC = JobSpec("digits", "python train.py", resume="", max_restarts=3)
JOB = Job(SPEC, "order-1", run="r1", run_began_at=1.0, boot="b1")
RAN = replace(JOB, attempts=(Attempt(1, pid=7, started_at=2.0),), tries=1)
TRIED = replace(RAN, spec=replace(SPEC, rehearse=True))
HELD = replace(RAN, ending=Ending(Outcome.FAILED, "ImportError"), held=Held(70.0, 1, "somebody follows it"))
REHEARSING = tuple(
    replace(TRIED, rehearsal=Rehearsal(state, attempt, 5)) for state in Rehearsed for attempt in (0, 1)
)
STALLED = tuple(replace(RAN, stall=Stall(1, "stalled", is_told=told)) for told in (False, True))


def ended(code=0, *, signal=None, reason="exited", cancelled=False, output=10):
    return Ended(code, signal, reason, cancelled=cancelled, output_bytes=output, ended_at=9.0)


EVENTS = (
    GiveOrder(SPEC, "order-2"),
    GiveOrder(SPEC, "order-1"),
    Cancel("digits"),
    Cancel("other"),
    Restart("digits"),
    Restart("other"),
    Stop(),
    e.Opened(JOB, Verdict.RUN, same_boot=False),
    e.Opened(RAN, Verdict.CONTINUE, same_boot=True),
    e.Opened(replace(RAN, ending=Ending(Outcome.FAILED), phase=Phase.DRAINING), Verdict.WAIT, same_boot=True),
    e.Opened(
        replace(JOB, ending=Ending(Outcome.SUCCEEDED), phase=Phase.FINISHED), Verdict.WAIT, same_boot=True
    ),
    e.Opened(
        replace(JOB, ending=Ending(Outcome.FAILED), phase=Phase.FINISHED), Verdict.WAIT, same_boot=False
    ),
    *(e.NothingToDo(), e.Given(("order-0", "order-1"))),
    e.OpenFailed(JOB, "no"),
    e.Synced("c0ffee"),
    e.Installed(),
    e.Restored("/w/ckpt", 3),
    e.StepFailed(Phase.SYNCING, "no such ref"),
    e.StepCancelled(Phase.SYNCING),
    *(e.Unfit(order, "no GPU", ends_pod=ends) for order in ("order-1", "order-2") for ends in (False, True)),
    e.AttemptStarted(1, 7, 5.0),
    e.AttemptUnclaimed(1),
    e.AttemptEnded(1, ended()),
    e.AttemptEnded(1, ended(1)),
    e.AttemptEnded(1, ended(None, reason="unknown")),
    e.AttemptEnded(1, ended(137, signal="KILL", reason="signalled")),
    e.AttemptEnded(1, ended(None, reason="disk_full")),
    e.AttemptEnded(1, ended(143, signal="TERM", reason="signalled", cancelled=True)),
    *(
        e.BecameWhole(CheckpointPlace("/w/ckpt", step, 10, 6.0), was_read)
        for step, was_read in ((5, None), (5, False), (4, None), (6, True), (None, None))
    ),
    *(kind(serial) for kind in (e.PauseOver, e.DrainOverdue, e.Settle, e.Overdue) for serial in (0, 1)),
    e.Drained(),
    e.Drained(Parting(HELD.held, Leave(ExitPolicy.TERMINATE, "auto: ..."), 60.0)),
    e.Followed("somebody follows it"),
    *(e.HoldOver(serial) for serial in (0, 1)),
    *(e.WasStopping("idle", terminate, insists) for terminate in (False, True) for insists in (False, True)),
    e.DeadlinePassed("budget", "raise it"),
    e.Nearing("cost", "80 % is spent"),
    e.IdleTooLong("idle"),
    *(e.Stalled(1, "stalled"), e.StallTold(1), e.StallLasts(1)),
    *(e.OwnerLost("pod-b"), e.Termed()),
    e.StopRefused(1, "403"),
    e.Warned("careful"),
)


def states():
    """Every phase with every combination of what may live in it."""
    for phase, alive, flags in itertools.product(Phase, Alive, itertools.product((False, True), repeat=5)):
        opening, stepping, prepared, leaving, restarting = flags
        jobs = (None,) if phase is Phase.WAITING else (JOB, RAN)
        if phase in {Phase.RESTORING, Phase.RUNNING} and not (opening or leaving or prepared):
            jobs += (TRIED, *REHEARSING, *STALLED)
        if phase in {Phase.DRAINING, Phase.FINISHED}:
            jobs = tuple(
                replace(RAN, ending=Ending(outcome), spec=replace(SPEC, on_finish=policy, on_failure=policy))
                for outcome in Outcome
                for policy in (ExitPolicy.STOP, ExitPolicy.KEEP)
                if not prepared and not restarting
            )
        if phase is Phase.FINISHED and not (prepared or restarting):
            jobs += (HELD, replace(HELD, held=Held(70.0, 1, come_by=15.0)))
        if phase is Phase.STOPPING:
            jobs = (None, RAN)
        for job in jobs:
            yield State(
                phase=phase, job=job, opening=opening, stepping=stepping, alive=alive, prepared=prepared,
                leaving=leaving, restarting=restarting, serial=1,
            )  # fmt: skip


@functools.cache
def steps():
    """Every state with every event, and what came of it."""
    return [(state, event, *machine.step(state, event, 10.0)) for state in states() for event in EVENTS]


def test_every_event_in_every_state_has_an_answer():
    """The machine returns for each state and event, and an ask always gets exactly one verdict."""
    for state, event, _, commands in steps():
        answers = [command for command in commands if isinstance(command, c.Answer)]
        assert len(answers) == isinstance(event, GiveOrder | Cancel | Restart | Stop), (state, event)


def test_nothing_leaves_stopping():
    """Once the pod is being stopped, no event leads to another phase."""
    for state, _, after, _ in steps():
        assert state.phase is not Phase.STOPPING or after.phase is Phase.STOPPING


def test_attempts_begin_only_where_none_lives():
    """StartAttempt comes out of restoring alone, with a number that has not begun."""
    for state, _, after, commands in steps():
        for command in commands:
            if isinstance(command, c.StartAttempt):
                assert state.phase is Phase.RESTORING
                assert after.job.attempts[-1].number == command.number
                assert after.job.attempts[-1].started_at is None
                assert all(one.ended_at is not None for one in after.job.attempts[:-1])


def test_the_pod_is_never_stopped_before_the_drain():
    """StopPod comes from waiting and finished only: a job drains first."""
    for state, _, _, commands in steps():
        if any(isinstance(command, c.StopPod) for command in commands):
            assert state.phase in {Phase.WAITING, Phase.FINISHED}


def test_the_policies_of_the_outcomes():
    """timed_out always stops, cancelled and interrupted never do, the others do what the job says."""
    for outcome, policy in itertools.product(Outcome, ExitPolicy):
        spec = replace(SPEC, on_finish=policy, on_failure=policy)
        state = State(phase=Phase.FINISHED, job=replace(RAN, spec=spec, ending=Ending(outcome)), serial=4)
        after, commands = machine.step(state, e.Settle(4), 10.0)
        stops = any(isinstance(command, c.StopPod) for command in commands)
        if outcome is Outcome.TIMED_OUT:
            assert stops
            assert not any(isinstance(command, c.StopPod) and command.terminate for command in commands)
        elif outcome in {Outcome.CANCELLED, Outcome.INTERRUPTED}:
            assert after.phase is Phase.FINISHED
            assert not stops
        else:
            assert stops == (policy in {ExitPolicy.STOP, ExitPolicy.TERMINATE, ExitPolicy.AUTO})


def test_term_keeps_an_outcome_that_stands():
    """TERM while draining, finished or stopping leaves the outcome as it was decided."""
    for state, event, after, _ in steps():
        settled = state.phase in {Phase.DRAINING, Phase.FINISHED, Phase.STOPPING}
        if settled and event == e.Termed() and state.job is not None:
            assert after.job.ending == state.job.ending
            assert after.leaving


def test_term_to_a_running_job_hurries_it():
    """TERM before draining decides interrupted and hurries the training at once."""
    state = State(phase=Phase.RUNNING, job=RAN, alive=Alive.LIVE)
    after, commands = machine.step(state, e.Termed(), 10.0)
    assert after.job is not None
    assert after.job.ending is not None
    assert after.job.ending.outcome is Outcome.INTERRUPTED
    assert c.HurryAttempt() in commands


def test_a_failed_attempt_needs_progress():
    """After its own failure a job goes on only with a newer whole checkpoint; killed from outside, without."""
    before = CheckpointPlace("/w/a", 5, 1, 3.0)
    job = replace(RAN, before=before, checkpoint=before)
    state = State(phase=Phase.RUNNING, job=job, alive=Alive.LIVE, prepared=True)
    stuck, _ = machine.step(state, e.AttemptEnded(1, ended(1), before), 10.0)
    assert stuck.phase is Phase.DRAINING
    newer = CheckpointPlace("/w/b", 6, 1, 8.0)
    moved, commands = machine.step(state, e.AttemptEnded(1, ended(1), newer), 10.0)
    assert moved.phase is Phase.RUNNING
    assert commands == (c.After(0.5, e.PauseOver(moved.serial)),)
    killed, _ = machine.step(state, e.AttemptEnded(1, ended(137, signal="KILL", reason="signalled")), 10.0)
    assert killed.phase is Phase.RUNNING


def test_all_attempts_count():
    """Killed from outside needs no progress, yet the restarts run out."""
    state = State(phase=Phase.RUNNING, job=replace(RAN, tries=4), alive=Alive.LIVE)
    after, _ = machine.step(state, e.AttemptEnded(1, ended(None, reason="unknown")), 10.0)
    assert after.phase is Phase.DRAINING
    assert after.job is not None
    assert after.job.ending is not None
    assert after.job.ending.outcome is Outcome.FAILED
    assert "all 3 restarts are used" in after.job.ending.reason


def test_restart_does_not_count():
    """A restart on request ends the attempt and begins the next at once, whatever is left of the tries."""
    job = replace(RAN, tries=4)
    state = State(phase=Phase.RUNNING, job=job, alive=Alive.LIVE, prepared=True)
    asked, commands = machine.step(state, Restart("digits"), 10.0)
    assert c.CancelAttempt() in commands
    gone = e.AttemptEnded(1, ended(143, signal="TERM", reason="signalled", cancelled=True))
    over, commands = machine.step(asked, gone, 11.0)
    assert commands == (c.After(0.0, e.PauseOver(over.serial)),)
    assert over.job is not None
    assert over.job.tries == 3


def test_an_unclaimed_attempt_is_claimed_once():
    """Numbered, never begun: the same number is started; begun and lost: the next one is."""
    fresh = replace(JOB, attempts=(Attempt(4),), tries=1)
    state = State(phase=Phase.RUNNING, job=fresh, alive=Alive.ASKED)
    state, commands = machine.step(state, e.AttemptUnclaimed(4), 10.0)
    assert state.phase is Phase.SYNCING
    for event in (e.Synced("c"), e.Installed(), e.Restored()):
        state, commands = machine.step(state, event, 11.0)
    assert [command.number for command in commands if isinstance(command, c.StartAttempt)] == [4]
    lost = State(phase=Phase.RUNNING, job=RAN, alive=Alive.ASKED)
    after, _ = machine.step(lost, e.AttemptUnclaimed(1), 10.0)
    assert after.job is not None
    assert after.job.attempts[-1].ended_at is not None
    assert after.next_attempt_at is not None


@given(st.lists(st.sampled_from(EVENTS), max_size=40), st.sampled_from([JOB, RAN]))
@settings(max_examples=100, deadline=None)
def test_any_history_keeps_the_promises(history, job):
    """Through any sequence of events: no attempt begins twice, and stopping is the end."""
    state, claimed, stopping = State(opening=True), {}, False
    for event in history:
        if (
            isinstance(event, e.AttemptStarted | e.AttemptEnded | e.AttemptUnclaimed)
            and state.job is not None
        ):
            number = state.job.attempts[-1].number if state.job.attempts else 1
            event = replace(event, number=number)  # noqa: PLW2901 - of the attempt that is spoken of
        state, commands = machine.step(state, event, 10.0)
        for command in commands:
            if isinstance(command, c.StartAttempt):
                assert not claimed.get((command.job.order, command.job.run, command.number))
        if isinstance(event, e.AttemptStarted) and state.job is not None and state.alive is Alive.LIVE:
            claimed[state.job.order, state.job.run, event.number] = True
        if isinstance(event, e.Opened | e.OpenFailed):
            claimed.clear()  # another record: its own history
        stopping = stopping or state.phase is Phase.STOPPING
        assert state.phase is Phase.STOPPING or not stopping


def test_a_row_leads_nowhere_else():
    """The table is held to its own word: a deed that leads elsewhere is refused."""
    line = machine.TABLE[Phase.SYNCING, e.Synced]
    machine.TABLE[Phase.SYNCING, e.Synced] = replace(line, to=(Phase.FINISHED,))
    try:
        with pytest.raises(AssertionError, match="led from syncing to installing"):
            machine.step(State(phase=Phase.SYNCING, job=JOB), e.Synced(), 1.0)
    finally:
        machine.TABLE[Phase.SYNCING, e.Synced] = line


def test_the_printed_diagram_is_the_table():
    """docs/lifecycle.md shows the diagram that the table prints."""
    text = DOC.read_text("utf-8")
    shown = text.partition("```mermaid\n")[2].partition("```")[0]
    assert shown == machine.diagram()
