"""Many readings add up: the training's bar among others, epochs, attempts that resume, other sources, pace and end."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pod_agent.progress import course, pace, portrait, recognise
from pod_agent.progress.course import Course
from pod_agent.progress.lines import Lines
from pod_agent.progress.reading import Began, Reading, Source
from pod_wire.codec import from_json, to_json
from pod_wire.status import Progress
from tests.agent.progress.samples import KERAS, LIGHTNING, NESTED, TRAINER, ends_of


def told(data, every_s=1.0):
    """The course of a log that grew by one line in each second."""
    lines, now, state = Lines(), 1000.0, Course()
    for piece in ends_of(data):
        for line in lines.feed(piece):
            found = recognise.read(line)
            now += every_s
            if isinstance(found, Began):
                state = course.began(state, found)
            elif found is not None:
                state = course.advance(state, found, now)
    return state, portrait.progress(state, now)


@pytest.mark.parametrize(
    ("log", "step", "total", "epoch", "loss"),
    [
        (TRAINER, 16, 48, 1.0, 0.6931),
        (LIGHTNING, 28, None, 1.0, 1.85e-5),
        (KERAS, 17, 36, 2.0, 0.2339),
        (NESTED, 44, 80, 1.0, 0.2),
    ],
)
def test_real_logs(log, step, total, epoch, loss):
    """The training's bar is followed over epochs; evaluations, shards and downloads beside it are not."""
    state, shown = told(log)
    assert (shown.step, shown.total, shown.epoch, shown.loss) == (step, total, epoch, loss)
    assert shown.source == "progress bar"
    assert state.first_step_at is not None


HEADER = b"podkeep: attempt %d of run r1, 2026-01-31 12:00:00 UTC: python train.py\n"


def steps(first, last, total=100):
    return b"".join(b"step %d/%d loss %.3f\n" % (step, total, 5 / step) for step in range(first, last + 1))


def test_an_attempt_that_resumes_counts_no_step_twice():
    """After a kill at 60 and a resume from 50 the step is the new one, and redone steps are no new ones."""
    state, shown = told(HEADER % 1 + steps(1, 60) + HEADER % 2 + steps(51, 70))
    assert (shown.step, shown.total, state.attempt, state.high) == (70, 100, 2, 70)
    assert state.advanced_s == pytest.approx(59 + 10)
    assert shown.rate == pytest.approx(1.0)
    assert shown.eta_s == pytest.approx(30.0)
    assert shown.losses[0] == pytest.approx(5.0)


def test_another_run_begins_anew():
    """A new run's header forgets the former run's steps."""
    state, shown = told(HEADER % 1 + steps(1, 60) + (HEADER % 1).replace(b"r1", b"r2") + steps(1, 3))
    assert (shown.step, state.run, state.high) == (3, "r2", 3)
    assert len(shown.losses) == 3


def test_steps_that_go_back_without_a_header_are_understood():
    """A program that restarts itself, as torchrun does, goes on with its new steps and a new pace."""
    _, shown = told(steps(1, 40) + steps(31, 35))
    assert (shown.step, shown.total) == (35, 100)
    assert shown.rate == pytest.approx(1.0)


def test_steps_that_begin_again_in_each_epoch_add_up():
    """`epoch 1 step 3` after `epoch 0 step 7` is the eleventh of all."""
    lines = [b"epoch %d step %d loss 0.5\n" % (epoch, step) for epoch in range(2) for step in range(8)]
    _, shown = told(b"".join(lines[:12]))
    assert shown.step == 8 + 3


def test_a_last_evaluation_is_not_the_training():
    """A bar without words after the training's own, and without a loss, does not replace it."""
    bar = b"\r100%%|##| %d/%d [00:01<00:00, 5.00it/s%s]\n"
    _, shown = told(bar % (5, 48, b", loss=0.5") + bar % (48, 48, b", loss=0.4") + bar % (3, 8, b""))
    assert (shown.step, shown.total) == (48, 48)
    _, shown = told(bar % (1000, 1000, b"") + bar % (3, 48, b""))
    assert (shown.step, shown.total) == (3, 48)


def test_the_best_source_wins_while_it_speaks():
    """A file gives way to the log, and a log that has been silent for minutes to the file."""
    state = course.advance(Course(), Reading(Source.TRAINER, 100, 500), 0.0)
    state = course.advance(state, Reading(Source.LINE, 120), 10.0)
    assert (course.leading(state).source, course.total(state)) == (Source.LINE, 500)
    state = course.advance(state, Reading(Source.TRAINER, 200, 500), 20.0)
    assert course.leading(state).step == 120
    state = course.advance(state, Reading(Source.TRAINER, 300, 500), 400.0)
    assert (course.leading(state).source, course.leading(state).step) == (Source.TRAINER, 300)


def test_a_bar_that_is_drawn_again_says_nothing_new():
    """The curve has one point for a step, however often its bar is drawn."""
    _, shown = told(b"\r 50%|##  | 5/10 [00:01<00:01, 5.00it/s, loss=0.5]" * 6 + b"\n")
    assert (shown.step, shown.losses) == (5, (0.5,))


def test_the_step_of_a_checkpoint_is_no_first_step():
    """A file or a bar that says where the last attempt was saved proves no step of this one."""
    for source in (Source.TRAINER, Source.BAR):
        state = course.advance(Course(), Reading(source, 32, 48), 10.0)
        assert (course.leading(state).step, state.first_step_at) == (32, None)
        assert course.advance(state, Reading(source, 33, 48), 20.0).first_step_at == 20.0
    assert course.advance(Course(), Reading(Source.LINE, 1), 10.0).first_step_at == 10.0
    assert course.advance(Course(), Reading(Source.LINE, 0), 10.0).first_step_at is None


def test_epochs_alone_become_steps():
    """The Trainer without a bar prints epochs; with the length that its state tells they are steps."""
    state = course.advance(Course(), Reading(Source.TRAINER, 16, 48, 1.0, 3.0), 10.0)
    state = course.advance(state, Reading(Source.LINE, epoch=1.5, loss=0.7), 20.0)
    assert (course.leading(state).step, course.leading(state).total) == (24, 48)
    assert course.leading(state).source == Source.LINE


def test_a_loss_that_is_no_number_stands_beside_the_last_good_one():
    """NaN reaches nobody as a number, and is said."""
    _, shown = told(b"step 1/9 loss 0.5\nstep 2/9 loss nan\n")
    assert (shown.loss, shown.loss_is_nan, shown.losses) == (0.5, True, (0.5,))
    assert from_json(Progress, to_json(shown)) == shown


def test_a_pause_lengthens_the_end_and_not_the_rate():
    """An evaluation between steps counts for the end; the shown rate is that of most of the time."""
    points = tuple((float(at), at) for at in range(20))
    points += tuple((float(at + 5), at) for at in range(20, 40))
    found = pace.pace(points)
    assert found.middle == pytest.approx(1.0)
    assert found.mean < 1.0
    ends = pace.eta(found, 39, 100, 0.0)
    assert ends.least < ends.seconds <= ends.most
    assert ends.is_sure


@pytest.mark.parametrize(
    ("step", "total", "seconds"),
    [(None, 10, None), (5, None, None), (11, 10, None), (10, 10, 0.0), (5, 10, None)],
)
def test_an_end_that_nobody_knows_is_none(step, total, seconds):
    """Without a step, a total or a rate there is no estimate; at the last step nothing is left."""
    found = pace.eta(None, step, total, 0.0)
    assert (found.seconds if found else None) == seconds


READINGS = st.builds(
    Reading,
    st.sampled_from(Source),
    st.none() | st.integers(0, 10**15),
    st.none() | st.integers(0, 10**15),
    st.none() | st.floats(0, 1e9),
    st.none() | st.floats(0, 1e9),
    st.none() | st.floats(),
    per_epoch=st.booleans(),
    rank=st.integers(0, 2),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(READINGS, st.floats(-5, 500), st.booleans()), max_size=60))
def test_whatever_is_read_can_be_shown_and_kept(history):
    """Odd readings and a clock that goes back make a status that JSON knows, of a bounded size, and a record."""
    state, now = Course(), 1000.0
    for reading, gone, timed in history:
        now += gone
        state = course.advance(state, reading, now, timed=timed)
    shown = portrait.progress(state, now)
    assert from_json(Course, to_json(state)) == state
    assert len(state.points) <= pace.MOST
    if shown is not None:
        assert len(to_json(shown)) < 8000
        assert shown.eta_s is None or (shown.eta_s >= 0 and math.isfinite(shown.eta_s))


def test_what_each_attempt_came_to_and_made_again():
    """An attempt that begins at its checkpoint makes the steps above it again: they are counted, and timed."""
    state, now = course.began(Course(), Began(1, "r1")), 1000.0
    for attempt, steps in ((1, range(1, 13)), (2, range(10, 21)), (3, range(20, 22))):
        state = course.began(state, Began(attempt, "r1"))
        for step in steps:
            now += 2.0
            state = course.advance(
                state, Reading(Source.LINE, step, None, None, None, None, {}, per_epoch=False), now
            )
    assert [(one.attempt, one.last, one.redone) for one in state.steps] == [
        (1, 12, 0),
        (2, 20, 2),
        (3, 21, 0),
    ]
    assert [one.redone_s for one in state.steps] == [0.0, 4.0, 0.0]
    assert from_json(Course, to_json(state)) == state


def test_lines_read_at_one_look_say_no_speed():
    """Steps that lay in the log already are read in microseconds, and were not made in them."""
    points = ()
    for place in range(20):
        points = pace.add(points, 1000.0 + place * 1e-4, place)
    assert pace.pace(points) is None
    points = pace.add(points, 1002.0, 21)
    assert round(pace.pace(points).middle, 2) == 1.0
