"""What is learned from a rehearsed kill, and that the lifecycle acts on it: pure, over histories."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pod_agent.run import commands as c
from pod_agent.run import events as e
from pod_agent.run import lineage, machine, rehearsal
from pod_agent.run.attempt import Ended
from pod_agent.run.situation import Alive, State
from pod_agent.run.state import Job, dump, load
from pod_wire.job import JobSpec
from pod_wire.orders import Verdict
from pod_wire.status import Attempt, CheckpointPlace, Outcome, Phase, Rehearsal, Rehearsed

SPEC = JobSpec("digits", "python train.py", resume="", max_restarts=0, rehearse=True)
JOB = Job(SPEC, "o1", run="r1", run_began_at=1.0, boot="b1", attempts=(Attempt(1, 7, 2.0),), tries=1)
RUNNING = State(phase=Phase.RUNNING, job=JOB, alive=Alive.LIVE, prepared=True)
KILL = Ended(None, "KILL", "signalled", cancelled=False, output_bytes=9, ended_at=9.0)


def whole(step, was_read=None):
    return e.BecameWhole(CheckpointPlace(f"/w/{step}", step, 10, 6.0), was_read)


def end(number, code=None, signal=None, newest=None):
    reason = "signalled" if signal else "exited"
    place = None if newest is None else CheckpointPlace(f"/w/{newest}", newest, 10, 8.0)
    return e.AttemptEnded(
        number, Ended(code, signal, reason, cancelled=False, output_bytes=9, ended_at=9.0), place
    )


class History:
    """Events one after another; what was commanded, and where it led."""

    def __init__(self, state=RUNNING):
        self.state, self.commands = state, []

    def take(self, *events):
        for event in events:
            self.state, commands = machine.step(self.state, event, 10.0)
            self.commands = list(commands)
            for command in commands:
                if isinstance(command, c.After) and isinstance(command.event, e.PauseOver):
                    self.take(command.event)
        return self

    def resumed(self, step):
        """The next attempt, given this checkpoint, lives."""
        path = None if step is None else f"/w/{step}"
        number = self.state.job.attempts[-1].number + 1
        return self.take(e.Restored(path, step), e.AttemptStarted(number, 8, 11.0))

    def killed(self, step=5):
        """The usual beginning: first checkpoint, kill, and on from it."""
        number = self.state.job.attempts[-1].number
        self.take(whole(step))
        assert self.commands == [c.KillAttempt()]
        self.take(e.AttemptEnded(number, KILL))
        assert self.state.phase is Phase.RESTORING
        return self.resumed(step)

    @property
    def told(self):
        return self.state.job.rehearsal

    @property
    def ending(self):
        return self.state.job.ending


def test_what_goes_on_is_proved_and_counts_for_nothing():
    """Killed at its first checkpoint it goes beyond it: proved, said, and no restart is used up."""
    history = History().killed(5).take(whole(10))
    assert history.told.state is Rehearsed.CONTINUED
    assert history.told.text == "it went on from step 5 to step 10"
    assert history.commands == [c.Say("podkeep: rehearsal: it went on from step 5 to step 10")]
    assert history.state.job.attempts[0].reason == rehearsal.KILLED
    assert history.state.job.tries == 1
    assert history.take(whole(15)).commands == [], "it happens once"


def test_what_begins_again_fails_at_once():
    """A checkpoint before the one that was given: the job is ended, with the reason and what to do."""
    history = History().killed(10).take(whole(5))
    assert history.state.phase is Phase.DRAINING
    assert c.CancelAttempt() in history.commands
    assert history.ending.outcome is Outcome.FAILED
    assert history.ending.reason.startswith("began again at step 0 after a rehearsed kill: it was given")
    assert "POD_RESUME" in history.ending.remedy


def test_the_same_step_without_a_look_at_the_checkpoint_is_a_new_beginning():
    """It saves the step it was given, and nobody has read that checkpoint: it cannot have gone on from it."""
    history = History().killed(5).take(whole(5, was_read=False))
    assert history.told.state is Rehearsed.BEGAN_AGAIN
    assert history.state.phase is Phase.DRAINING


@pytest.mark.parametrize("was_read", [True, None])
def test_the_same_step_after_a_look_is_tried_again(was_read):
    """Some programs save right after loading: a second kill at the next checkpoint tells the two apart."""
    unsure = History().killed(5).take(whole(5, was_read))
    assert unsure.told.state is Rehearsed.UNSURE
    unsure.take(whole(10))
    assert unsure.commands == [c.KillAttempt()]
    unsure.take(e.AttemptEnded(2, KILL)).resumed(10)
    state = unsure.state
    assert unsure.take(whole(5)).told.state is Rehearsed.BEGAN_AGAIN
    assert History(state).take(whole(10)).told.state is Rehearsed.CONTINUED
    assert History(state).take(whole(15)).told.state is Rehearsed.CONTINUED
    assert state.job.tries == 1


def test_a_save_between_the_decision_and_the_kill_is_no_progress():
    """What counts is the step that the next attempt was given, not the one at which the kill was decided."""
    history = History().take(whole(5), e.AttemptEnded(1, KILL)).resumed(10)
    assert (history.told.state, history.told.step) == (Rehearsed.RESUMING, 10)
    assert history.take(whole(5)).told.state is Rehearsed.BEGAN_AGAIN


def test_checkpoints_without_steps_prove_nothing():
    """Nothing to compare: said as a warning, and the training goes on."""
    history = History().take(whole(None), e.AttemptEnded(1, KILL)).resumed(None)
    assert history.ending.reason == "no whole checkpoint was left after a rehearsed kill"
    history = History().killed(5).take(whole(None))
    assert history.told.state is Rehearsed.UNPROVED
    assert history.state.job.warnings == ("the rehearsal proved nothing: its checkpoints tell no step",)
    assert history.state.phase is Phase.RUNNING


def test_a_command_that_cannot_be_resumed_fails_with_the_rehearsal_as_reason():
    """A wrong flag in POD_RESUME ends the second attempt at once, and the reason says when it did."""
    history = History().killed(5).take(end(2, code=2))
    assert history.ending.outcome is Outcome.FAILED
    assert history.ending.reason.startswith("it did not go on after a rehearsed kill at step 5: exit code 2")


def test_a_training_that_ends_before_the_kill_has_ended():
    """Its own end stands; the rehearsal says that it proved nothing."""
    history = History().take(whole(5), end(1, code=0))
    assert (history.ending.outcome, history.told.state) == (Outcome.SUCCEEDED, Rehearsed.UNPROVED)
    history = History().killed(5).take(end(2, code=0, newest=5))
    assert (history.ending.outcome, history.told.state) == (Outcome.SUCCEEDED, Rehearsed.UNPROVED)
    history = History().killed(5).take(end(2, code=0, newest=8))
    assert (history.ending.outcome, history.told.state) == (Outcome.SUCCEEDED, Rehearsed.CONTINUED)


def test_a_training_without_a_checkpoint_is_told_to_have_proved_nothing():
    """Who asked for a proof hears that there is none, also where nothing was ever killed."""
    history = History().take(end(1, code=0))
    assert history.told.state is Rehearsed.UNPROVED
    assert (history.told.kills, history.ending.outcome) == (0, Outcome.SUCCEEDED)
    plain = replace(RUNNING, job=replace(JOB, spec=replace(SPEC, rehearse=False)))
    assert History(plain).take(end(1, code=0)).told is None


def test_a_shell_that_reports_the_kill_counts_too():
    """The command is bash: whether the signal or 137 is recorded, or nothing, it was our kill."""
    for event in (end(1, code=137), end(1), end(1, signal="KILL")):
        history = History().take(whole(5), event)
        assert history.told.state is Rehearsed.RESUMING
        assert history.state.phase is Phase.RESTORING


def test_a_cancel_in_the_middle_leaves_the_rehearsal_to_the_next_checkpoint():
    """Ended on request before the kill hit: nothing was rehearsed."""
    cancelled = e.AttemptEnded(1, replace(KILL, cancelled=True, signal="TERM"))
    history = History().take(whole(5), cancelled)
    assert history.told is None
    assert history.resumed(5).take(whole(10)).commands == [c.KillAttempt()]


def test_an_agent_killed_in_the_middle_goes_on_rightly():
    """A new agent that finds the attempt alive kills it; one that finds it dead resumes it; the record tells."""
    struck = History().take(whole(5)).state.job
    struck = load(dump(struck))
    found = State(phase=Phase.RUNNING, job=struck, alive=Alive.ASKED)
    alive = History(found).take(e.AttemptStarted(1, 7, 9.0))
    assert alive.commands == [c.KillAttempt()]
    dead = History(found).take(e.AttemptEnded(1, KILL))
    assert dead.told.state is Rehearsed.RESUMING
    again = History().killed(5)
    found = State(phase=Phase.RUNNING, job=load(dump(again.state.job)), alive=Alive.ASKED)
    assert History(found).take(e.AttemptStarted(2, 8, 9.0)).commands == []


def test_a_pod_that_goes_down_in_the_middle_is_as_good_as_the_kill():
    """On the next boot the attempt is lost, and going on from its checkpoint proves the same."""
    struck = History().take(whole(5)).state.job
    boot = lineage.Circumstances(type("Boot", (), {"id": "b2"})(), 20.0, 15.0)
    carried = lineage.carry(struck, Verdict.CONTINUE, SPEC, "o1", boot)
    state = State(phase=Phase.RESTORING, job=carried, prepared=True)
    history = History(state).resumed(5)
    assert history.told.state is Rehearsed.RESUMING
    assert history.take(whole(10)).told.state is Rehearsed.CONTINUED


def test_killed_from_outside_before_the_proof_it_is_still_owed():
    """The attempt after the next proves it as well, also by the checkpoint that it is given."""
    history = History(replace(RUNNING, job=replace(JOB, spec=replace(SPEC, max_restarts=3)))).killed(5)
    history.take(end(2, signal="KILL"))
    assert history.told.state is Rehearsed.RESUMING
    state = history.state
    assert history.resumed(5).take(whole(4)).told.state is Rehearsed.BEGAN_AGAIN
    assert History(state).resumed(10).told.state is Rehearsed.CONTINUED


def test_a_new_order_tries_again_what_was_not_proved():
    """Mended, it is rehearsed anew; proved, it is not."""
    for state in Rehearsed:
        kept = rehearsal.ordered(Rehearsal(state, 1, 5))
        assert (kept is None) == (state in {Rehearsed.BEGAN_AGAIN, Rehearsed.UNPROVED})


def test_nobody_is_killed_who_did_not_ask():
    """Without POD_REHEARSE a checkpoint is only noted; nor is anything killed while it is being ended."""
    plain = replace(RUNNING, job=replace(JOB, spec=replace(SPEC, rehearse=False)))
    assert History(plain).take(whole(5)).commands == []
    assert History(replace(RUNNING, restarting=True)).take(whole(5)).commands == []


def test_a_program_that_knows_an_older_name_only_has_not_begun_again():
    """Given 36, it may have gone on from the 32 that was put back: 33 is beyond that, 4 is not."""

    def killed():
        history = History().take(whole(36), e.AttemptEnded(1, KILL))
        return history.take(e.Restored("/w/36", 36, None, (), (32,)), e.AttemptStarted(2, 8, 11.0))

    told = killed().take(whole(33, was_read=True)).told
    assert (told.state, told.text) == (Rehearsed.CONTINUED, "it went on from step 32 to step 33")
    assert killed().take(whole(33)).told.state is Rehearsed.UNPROVED
    assert killed().take(whole(33, was_read=False)).told.state is Rehearsed.BEGAN_AGAIN
    assert killed().take(whole(4)).told.state is Rehearsed.BEGAN_AGAIN
    assert killed().take(whole(40)).told.state is Rehearsed.CONTINUED
    lost = killed().take(end(2, code=1, newest=36)).told
    assert lost.state is not Rehearsed.CONTINUED, "that one lay there before it began"
