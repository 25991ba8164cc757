"""What becomes of a job whose attempt shows no sign of life: it goes on once, twice only past where it stalled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pod_agent.run import commands as c
from pod_agent.run import events as e
from pod_agent.run import journal, machine
from pod_agent.run.asks import Cancel, Restart
from pod_agent.run.attempt import Ended
from pod_agent.run.attempt_plan import LAST_LOOK_S, USUAL
from pod_agent.run.situation import Alive, State
from pod_agent.run.stalls import ANOTHER_POD, END_S
from pod_agent.run.state import Job, dump, load
from pod_wire.job import JobSpec
from pod_wire.status import Attempt, CheckpointPlace, Outcome, Phase

SPEC = JobSpec("digits", "python train.py", resume="--resume {checkpoint}", max_restarts=3)
JOB = Job(SPEC, "o1", run="r1", run_began_at=1.0, boot="b1", attempts=(Attempt(1, 7, 2.0),), tries=1)
RUNNING = State(phase=Phase.RUNNING, job=JOB, alive=Alive.LIVE, prepared=True)
SILENT = "stalled: no sign of life for 1 h 00 min: log, files, CPU silent"


def place(step):
    return None if step is None else CheckpointPlace(f"/w/{step}", step, 10, 6.0 + step)


def gone(number, code=134, signal="ABRT", newest=None, *, cancelled=True):
    ended = Ended(code, signal, "signalled", cancelled=cancelled, output_bytes=9, ended_at=9.0)
    return e.AttemptEnded(number, ended, place(newest))


class History:
    """Events one after another; all that was commanded by the last ones, and what the journal was told."""

    def __init__(self, state=RUNNING):
        self.state, self.commands, self.told = state, [], []

    def take(self, *events):
        for event in events:
            before = self.state
            self.state, commands = machine.step(before, event, 10.0)
            self.told += [entry.kind for entry in journal.tell(before, self.state, 10.0)]
            self.commands = list(commands)
        return self

    def stalls(self, number, newest=None):
        """Found, told, ended."""
        self.take(e.Stalled(number, SILENT), e.StallTold(number))
        assert c.CancelAttempt() in self.commands
        return self.take(gone(number, newest=newest))

    def goes_on(self, step=None):
        """The next attempt lives."""
        pauses = [one.event for one in self.commands if isinstance(one, c.After)]
        assert [type(one) for one in pauses] == [e.PauseOver], self.commands
        number = self.state.job.attempts[-1].number + 1
        path = None if step is None else f"/w/{step}"
        return self.take(*pauses, e.Restored(path, step, place(step)), e.AttemptStarted(number, 8, 11.0))

    @property
    def ending(self):
        return self.state.job.ending


def test_the_first_stall_goes_on_and_the_second_fails():
    """Restarted once from the newest checkpoint; a second time without a newer one it fails, with reason and remedy."""
    history = History().stalls(1, newest=5).goes_on(5)
    last = history.state.job.attempts[-1]
    assert (last.number, last.resumed_step) == (2, 5)
    history.stalls(2, newest=5)
    assert history.state.phase is Phase.DRAINING
    assert history.ending.outcome is Outcome.FAILED
    assert (
        history.ending.reason
        == f"{SILENT}; it had stalled before, and no newer whole checkpoint was saved between"
    )
    assert "docs/stall.md" in history.ending.remedy
    assert [(one.reason, one.failure) for one in history.state.job.attempts] == [(SILENT, "stalled")] * 2
    assert history.told.count("stall") == 2


def test_progress_between_two_stalls_earns_another_attempt():
    """Each time it has saved something newer it goes on, until the restarts are used up."""
    history = History()
    for number, step in ((1, 5), (2, 10), (3, 15)):
        history.stalls(number, newest=step).goes_on(step)
    history.stalls(4, newest=20)
    assert history.ending.reason == f"{SILENT}; all 3 restarts are used"


def test_a_kill_between_two_stalls_hides_no_progress():
    """What was saved by the attempt in between counts as well."""
    history = History().stalls(1, newest=5).goes_on(5)
    history.take(gone(2, 137, "KILL", newest=9, cancelled=False)).goes_on(9).stalls(3, newest=9)
    assert history.ending is None
    history.goes_on(9).stalls(4, newest=9)
    assert history.ending.outcome is Outcome.FAILED


def test_without_a_way_to_resume_it_fails_at_once():
    """Beginning anew would only stall anew: it says what to set."""
    spec = replace(SPEC, resume=None, max_restarts=0)
    history = History(replace(RUNNING, job=replace(JOB, spec=spec))).stalls(1)
    assert history.ending.outcome is Outcome.FAILED
    assert history.ending.reason == SILENT
    assert "POD_RESUME" in history.ending.remedy


def test_it_had_stalled_however_it_left():
    """Asked to end it may leave with exit code 0: no success, and no restart for nothing either."""
    for how in (gone(1, 0, None), gone(1, 143, "TERM"), gone(1, None, None, cancelled=False)):
        history = History().take(e.Stalled(1, SILENT), e.StallTold(1), how)
        assert history.ending is None
        assert history.state.job.attempts[0].reason == SILENT
        assert history.state.job.tries == 1, "the next attempt counts"


def test_one_that_ends_well_meanwhile_has_not_stalled():
    """It came back to life while its stacks were being gathered, and ended with exit code 0 by itself."""
    history = History().take(e.Stalled(1, SILENT), gone(1, 0, None, cancelled=False))
    assert history.ending.outcome is Outcome.SUCCEEDED
    assert history.state.job.attempts[0].failure is None


def test_what_cannot_be_killed_fails_all_the_same():
    """It hangs in the kernel: a minute and a half after it was ended the job fails, so that the pod may stop."""
    history = History().take(e.Stalled(1, SILENT), e.StallTold(1))
    waits = [one for one in history.commands if isinstance(one, c.After)]
    assert waits == [c.After(END_S, e.StallLasts(1))]
    history.take(e.StallLasts(1))
    assert history.state.phase is Phase.DRAINING
    assert history.ending.outcome is Outcome.FAILED
    assert history.ending.reason.startswith(f"{SILENT}; and it cannot be killed")
    assert history.ending.remedy == ANOTHER_POD


def test_what_was_killed_is_not_called_unkillable():
    """An end is told after POD_SIGNAL, what the command left, its last output, and a look at a disk that hangs."""
    told_s = USUAL.grace_s + 2 * USUAL.leftover_s + LAST_LOOK_S
    assert told_s + 10 <= END_S <= told_s + 30


def test_stacks_that_cannot_be_gathered_are_not_waited_for():
    """The end comes after a minute and a half at the latest, and only once."""
    history = History().take(e.Stalled(1, SILENT))
    assert c.After(90.0, e.StallTold(1)) in history.commands
    assert c.CancelAttempt() not in history.commands
    history.take(e.StallTold(1))
    assert c.CancelAttempt() in history.commands
    assert c.CancelAttempt() not in history.take(e.StallTold(1)).commands


@pytest.mark.parametrize("is_told", [False, True])
def test_the_next_agent_ends_what_this_one_found(is_told):
    """Killed at any point the decision stands in the record, and the restart it spent stays spent."""
    history = History().take(e.Stalled(1, SILENT), *([e.StallTold(1)] if is_told else []))
    job = load(dump(history.state.job))
    assert job.stall == history.state.job.stall
    later = History(replace(RUNNING, job=job, alive=Alive.ASKED, prepared=False))
    later.take(e.AttemptStarted(1, 7, 20.0))
    if is_told:
        assert later.commands == [c.CancelAttempt(), c.After(END_S, e.StallLasts(1))]
    else:
        assert later.commands == [c.After(90.0, e.StallTold(1))]
        later.take(e.StallTold(1))
    later.take(gone(1, newest=5))
    again = replace(
        JOB, attempts=(*later.state.job.attempts, Attempt(2, 8, 11.0)), tries=2, stall=later.state.job.stall
    )
    again = History(replace(RUNNING, job=replace(again, checkpoint=place(5)))).stalls(2, newest=5)
    assert again.ending.outcome is Outcome.FAILED


def test_nobody_is_ended_who_is_being_ended():
    """While an attempt is restarted or cancelled on request, or belongs to the past, a stall says nothing."""
    for state in (replace(RUNNING, restarting=True), replace(RUNNING, alive=Alive.NONE)):
        history = History(state).take(e.Stalled(1, SILENT))
        assert history.state.job.stall is None
    assert History().take(e.Stalled(2, SILENT)).state == RUNNING
    assert History().take(Cancel("digits"), e.Stalled(1, SILENT)).state.job.stall is None


def test_a_person_s_word_wins():
    """Cancelled or restarted while it is being ended for a stall, that is what becomes of it."""
    cancelled = History().take(e.Stalled(1, SILENT), Cancel("digits"))
    assert cancelled.ending.outcome is Outcome.CANCELLED
    restarted = History().take(e.Stalled(1, SILENT), e.StallTold(1), Restart("digits"), gone(1, newest=5))
    assert restarted.ending is None
    assert restarted.state.job.tries == 0
