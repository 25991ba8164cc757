"""Steps in their threads: one end each, whatever happens inside, and an end for those that hang."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from pod_agent.run import commands as c
from pod_agent.run import events as e
from pod_agent.run.effects import Effects
from pod_agent.run.state import Job, Stall
from pod_agent.run.stepping import DOUBTED_S, SILENCE_S, Stepping
from pod_agent.run.work import StepCancelled, StepFailed, Work
from pod_wire.job import JobSpec
from pod_wire.status import Attempt, Phase
from tests.fakes import hung_mount
from tests.fakes.clock import FakeClock
from tests.fakes.world import ended


def stepping(clock=None, doubted=None):
    posts = []
    work = Work(lambda _: None, clock or FakeClock(), silence_s=SILENCE_S)
    return Stepping(Phase.SYNCING, work, posts.append, doubted), posts


def raises(error):
    def deed(_):
        raise error

    return deed


@pytest.mark.parametrize(
    ("deed", "event"),
    [
        (lambda _: e.Synced("c0ffee"), e.Synced("c0ffee")),
        (raises(StepCancelled()), e.StepCancelled(Phase.SYNCING)),
        (raises(StepFailed("no such ref", "push it")), e.StepFailed(Phase.SYNCING, "no such ref", "push it")),
    ],
)
def test_a_step_ends_in_one_event(deed, event):
    """Done, cancelled or failed: exactly one event, with the reason and the remedy."""
    step, posts = stepping()
    step.run(deed)
    assert posts == [event]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("oops")])
def test_what_nobody_expected_fails_the_step_and_not_the_agent(error):
    """A full disk or a defect of ours is a failed step with words in it."""
    step, posts = stepping()
    step.run(raises(error))
    assert isinstance(posts[0], e.StepFailed)
    assert str(error.args[-1]) in posts[0].reason


def test_a_hanging_step_is_given_up():
    """A thread that says nothing for half an hour is told to end, and the job is told that it failed; once."""
    clock, gate = FakeClock(), threading.Event()
    step, posts = stepping(clock)

    def hang(_):
        gate.wait(30)
        return e.Synced()

    thread = threading.Thread(target=lambda: step.run(hang))
    thread.start()
    clock.advance(SILENCE_S + 60)
    step.watch(look_s=0.01)
    gate.set()
    thread.join(30)
    assert len(posts) == 1
    assert "no sign of life for 30 minutes" in posts[0].reason


@pytest.mark.skipif(not hung_mount.is_possible(), reason="needs root and /dev/fuse for a mount that hangs")
def test_a_step_after_a_stall_does_not_wait_long_for_a_dead_workspace(tmp_path):
    """Two minutes of silence and no answer: given up with the reason; without the doubt it has its half hour."""
    clock = FakeClock()
    clock.advance(1000.0)
    with hung_mount.hung(tmp_path):
        patient, said = stepping(clock)
        step, posts = stepping(clock, tmp_path)
        clock.advance(DOUBTED_S + 1.0)
        waits = threading.Thread(target=lambda: patient.watch(look_s=0.01), daemon=True)
        waits.start()
        step.watch(look_s=0.01, answer_s=0.5)
    assert len(posts) == 1
    assert posts[0].reason.startswith("the workspace does not answer")
    assert "--new-pod" in posts[0].remedy
    assert said == []
    patient.run(lambda _: e.Synced())
    waits.join(60)
    assert said == [e.Synced()]


def test_a_step_after_a_stall_goes_on_where_the_workspace_answers(tmp_path):
    """Silence alone is no reason: an answer, be it an error, and it has its half hour as every step."""
    for place in (tmp_path, tmp_path / "gone"):
        clock = FakeClock()
        step, posts = stepping(clock, place)
        clock.advance(DOUBTED_S + 1.0)
        asked = threading.Thread(target=lambda step=step: step.watch(look_s=0.01))
        asked.start()
        asked.join(0.3)
        assert posts == []
        step.run(lambda _: e.Synced())
        asked.join(60)
        assert posts == [e.Synced()]


@pytest.mark.parametrize(
    ("stall", "attempts", "is_doubted"),
    [(None, 1, False), (Stall(1, "x"), 1, True), (Stall(1, "x"), 2, False)],
)
def test_the_workspace_is_doubted_right_after_a_stall_alone(stall, attempts, is_doubted):
    """Not once another attempt has begun on it."""
    numbered = tuple(Attempt(number) for number in range(1, attempts + 1))
    job = Job(JobSpec("a", "x"), "o", "r", 0.0, "b", attempts=numbered, stall=stall)
    assert job.has_just_stalled is is_doubted
    assert not replace(job, attempts=()).has_just_stalled


def test_a_step_that_works_is_left_alone():
    """Signs of life keep the watching quiet until the step is over."""
    clock = FakeClock()
    step, posts = stepping(clock)
    clock.advance(SILENCE_S - 60)
    step.work.beat()
    watcher = threading.Thread(target=lambda: step.watch(look_s=0.01))
    watcher.start()
    step.run(lambda _: e.Synced())
    watcher.join(30)
    assert posts == [e.Synced()]


class OddWatch:
    """A watch whose look fails in a way that nobody foresaw."""

    def start(self):
        pass

    def stop(self):
        pass

    def look(self, **_):
        raise IndexError("index out of range")

    def newest(self):
        return None


class OddSteps:
    def __init__(self, watch):
        self._watch = watch

    def watch(self, _job, _post):
        return self._watch()

    def place(self, _job, number):
        return number


class OneAttempt:
    """An attempt that ends at once."""

    pid = start_time = 1

    def wait(self, on_end):
        on_end(ended(0))


def no_watch():
    raise RuntimeError("a loop of links")


@pytest.mark.parametrize("watch", [OddWatch, no_watch])
def test_the_end_of_an_attempt_is_told_whatever_becomes_of_its_checkpoints(watch):
    """A defect in looking at checkpoints is a warning; an end that nobody hears of would bill for ever."""
    posts = []
    effects = Effects(OddSteps(watch), None, None, FakeClock(), post=posts.append, ladder=None)
    effects._follow(None, 1, OneAttempt())
    assert posts[-1] == e.AttemptEnded(1, ended(0), None)
    assert any(isinstance(event, e.Warned) for event in posts)


def test_a_ladder_that_cannot_be_put_together_is_tried_again():
    """Nobody else stops the pod: a defect is a warning, and the next try comes."""
    posts, climbed, tried = [], threading.Event(), []

    class Ladder:
        def run(self):
            tried.append("run")
            if len(tried) < 4:
                raise ValueError("a defect in climbing")
            climbed.set()

    def ladder(terminate):
        tried.append(terminate)
        if len(tried) < 2:
            raise ValueError("a defect before")
        return Ladder()

    effects = Effects(OddSteps(OddWatch), None, None, FakeClock(), post=posts.append, ladder=ladder)
    effects.do(c.StopPod(terminate=True, because="the deadline"))
    assert climbed.wait(60)
    assert tried == [True, True, "run", True, "run"]
    assert [str(event) for event in posts if "a defect" in str(event)] == [str(event) for event in posts]
    assert len(posts) == 2


class ShortOfDescriptors:
    """Attempts that cannot be looked for at first, as when too many files are open."""

    def __init__(self, failures):
        self.failures = failures

    def find(self, _folder):
        self.failures -= 1
        if self.failures >= 0:
            raise OSError(24, "Too many open files")
        return OneAttempt()

    def start(self, _plan):
        raise OSError(24, "Too many open files")


def test_an_attempt_that_cannot_be_looked_for_is_not_taken_for_lost():
    """It may live: it is looked for again, and no second one is begun beside it."""
    posts = []
    effects = Effects(
        OddSteps(OddWatch), ShortOfDescriptors(3), None, FakeClock(), post=posts.append, ladder=None
    )
    effects._find(None, 1)
    ends = [event for event in posts if isinstance(event, e.AttemptEnded)]
    assert ends == [e.AttemptEnded(1, ended(0), None)]
