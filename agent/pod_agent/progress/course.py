"""What many readings add up to: the step and its total, the epoch, the loss, the pace, over attempts. Pure.

The best source that still speaks is believed, and named. Steps that go back are a new attempt, a new epoch or another
bar, and are taken for what they are. Not here: reading, and what is shown (``portrait``).
"""

from __future__ import annotations

import math
from dataclasses import field, replace

from pod_agent.progress import curve as curves
from pod_agent.progress import pace, walks
from pod_agent.progress.curve import Curve
from pod_agent.progress.reading import ORDER, Began, Reading, Source
from pod_wire.frozen import dataclass
from pod_wire.receipt import Steps  # noqa: TC001 - read back by codec

SILENT_S = 300.0  # a better source that is silent so long gives way
LEAST_GAP_S = 120.0  # between two steps no more counts as advancing than this, or five usual steps
_COUNTING = frozenset({Source.ASKED, Source.JSON, Source.BAR})
_SAYS_OLD_STEPS = frozenset(
    {Source.BAR, Source.TRAINER, Source.TENSORBOARD, Source.CSV}
)  # those of a checkpoint too
MOST_SERIES = 12
MOST_SCALARS = 12


@dataclass(frozen=True, slots=True)
class Series:
    """The steps of one source, counted over the whole training where that can be known."""

    source: str
    rank: int
    step: int
    total: int | None
    at: float
    had_loss: bool = False
    length: int = 0  # steps of an epoch, where they are counted anew in each
    said: int = 0  # as it was told last, before epochs were added


@dataclass(frozen=True, slots=True)
class Course:
    """All that is known. ``high`` and ``advanced_s`` are the run's; what else is counted anew in each attempt."""

    run: str = ""
    attempt: int = 0
    series: tuple[Series, ...] = ()
    lead: tuple[str, int] | None = None
    points: pace.Points = ()
    epoch: float | None = None
    epochs: float | None = None
    has_zero: bool = False  # epochs are counted from zero
    total: int | None = None  # told apart from any step
    loss: float | None = None
    is_nan: bool = False
    curve: Curve = field(default_factory=Curve)
    scalars: tuple[tuple[str, float], ...] = ()
    at: float | None = None  # of the newest step
    first_step_at: float | None = None
    high: int = -1
    advanced_s: float = 0.0
    steps: tuple[Steps, ...] = ()  # of each attempt
    format: int = 1


def began(course: Course, line: Began) -> Course:
    """Another attempt: its steps begin where its checkpoint was; what a former one said last is no step of it."""
    if line.run != course.run:
        return Course(run=line.run, attempt=line.attempt)
    if line.attempt == course.attempt:
        return course
    return replace(
        course,
        attempt=line.attempt,
        series=(),
        lead=None,
        points=(),
        first_step_at=None,
        at=None,
        is_nan=False,
    )


def advance(course: Course, reading: Reading, at: float, *, timed: bool = True) -> Course:
    """With one reading more. ``timed``: it was made just now, so that its moment says how fast things go."""
    course = _epoch(course, reading)
    course = _loss(course, reading)
    found = _step(course, reading)
    if found is None:
        return course
    step, total, length, said = found
    old = _of(course, reading)
    if old is not None and _is_another_bar(old, reading, step, total):
        return course
    had_loss = reading.loss is not None or (old is not None and old.had_loss and old.total == total)
    now = Series(reading.source.value, reading.rank, step, total, at, had_loss, length, said)
    series = (*(one for one in course.series if one is not old), now)[-MOST_SERIES:]
    return _lead(replace(course, series=series), old, now, at, timed=timed)


def _epoch(course: Course, reading: Reading) -> Course:
    epoch = course.epoch if reading.epoch is None else reading.epoch
    epochs = course.epochs if reading.epochs is None else reading.epochs
    total = reading.total if reading.step is None and reading.total is not None else course.total
    is_first = reading.epoch == 0 and (reading.loss is None or reading.step is not None)
    has_zero = course.has_zero or is_first
    if (total, epoch, epochs, has_zero) == (course.total, course.epoch, course.epochs, course.has_zero):
        return course  # as most lines: nothing is made anew
    return replace(course, total=total, epoch=epoch, epochs=epochs, has_zero=has_zero)


def _loss(course: Course, reading: Reading) -> Course:
    if reading.scalars:
        scalars = dict(course.scalars) | dict(reading.scalars)
        course = replace(course, scalars=tuple(scalars.items())[-MOST_SCALARS:])
    if reading.loss is None:
        return course
    if not math.isfinite(reading.loss):
        return replace(course, is_nan=True)
    old = _of(course, reading)
    if old is not None and old.said == reading.step and course.loss == reading.loss and not course.is_nan:
        return course  # a bar that was drawn again
    return replace(course, loss=reading.loss, is_nan=False, curve=curves.add(course.curve, reading.loss))


def _of(course: Course, reading: Reading) -> Series | None:
    key = (reading.source.value, reading.rank)
    return next((one for one in course.series if (one.source, one.rank) == key), None)


def _step(course: Course, reading: Reading) -> tuple[int, int | None, int, int] | None:
    """Step and total over the whole training; the length of an epoch, where the steps begin anew in each."""
    if reading.step is None:
        return _from_epochs(course, reading)
    old = _of(course, reading)
    length = 0
    if reading.per_epoch and reading.total:
        length = reading.total
    elif old is not None and reading.epoch is not None and course.epoch is not None:
        if old.length:
            length = max(old.length, reading.step)
        elif reading.step < old.said and reading.total is None and course.epoch >= 1:
            length = old.said + (1 if reading.step == 0 else 0)
    if not length:
        return reading.step, reading.total, 0, reading.step
    index = max(0, int(course.epoch or 0) - (0 if course.has_zero else 1))
    epochs = course.epochs
    if epochs is not None and course.has_zero and reading.epochs is not None:
        epochs += 1  # `Epoch 0/2` is the first of three
    total = None if epochs is None else int(epochs) * length
    if course.epoch is None:
        total = reading.total
    return index * length + reading.step, total, length, reading.step


def _from_epochs(course: Course, reading: Reading) -> tuple[int, int | None, int, int] | None:
    """Where the log tells epochs alone, as the Trainer's without a bar, its state says how many steps they have."""
    if reading.epoch is None or reading.source is not Source.LINE or not course.epochs:
        return None
    if any(one.source in _COUNTING for one in course.series):
        return None
    state = next((one for one in course.series if one.source == Source.TRAINER), None)
    if state is None or not state.total:
        return None
    step = min(state.total, round(reading.epoch * state.total / course.epochs))
    return step, state.total, 0, step


def _is_another_bar(old: Series, reading: Reading, step: int, total: int | None) -> bool:
    """A bar without words after the training's own, such as that of a last evaluation: it says no loss."""
    if old.total is None or total is None or old.total == total or reading.loss is not None:
        return False
    return old.had_loss and step <= old.step


def _lead(course: Course, old: Series | None, now: Series, at: float, *, timed: bool) -> Course:
    """Who is believed, and what the step that was told means."""
    lead = _best(course, at)
    key = (lead.source, lead.rank)
    if (now.source, now.rank) != key:
        return course if key == course.lead else replace(course, lead=key, points=())
    is_same = key == course.lead and old is not None
    went_back = is_same and old is not None and now.step < old.step
    points = () if not is_same or went_back else course.points
    if went_back and old is not None and now.total != old.total:
        course = replace(
            course, high=-1 if course.high <= old.step else course.high
        )  # it counts something else
    if timed and (old is None or now.step != old.step or not points):
        points = pace.add(points, at, now.step)
    passed = _gone(course, at) if timed and is_same and not went_back else 0.0
    gone = passed if now.step > course.high else 0.0
    before = old.step if is_same and old is not None and not went_back else None
    is_made = now.step > 0 if now.source not in _SAYS_OLD_STEPS else old is not None and now.step > old.step
    return replace(
        course,
        lead=key,
        points=points,
        at=at if old is None or now.step != old.step or course.at is None else course.at,
        first_step_at=at if course.first_step_at is None and is_made else course.first_step_at,
        high=max(course.high, now.step),
        advanced_s=course.advanced_s + gone,
        steps=walks.walked(
            course.steps, course.attempt, now.step, before=before, high=course.high, gone_s=passed
        ),
    )


def _best(course: Course, at: float) -> Series:
    """The most trusted of those that have spoken lately."""
    newest = max(one.at for one in course.series)
    awake = [one for one in course.series if one.at >= min(newest, at) - SILENT_S]
    order = {source.value: place for source, place in ORDER.items()}
    return min(awake or course.series, key=lambda one: (order.get(one.source, len(order)), one.rank))


def _gone(course: Course, at: float) -> float:
    """Seconds of advancing since the last step: a gap much longer than usual is none."""
    if course.at is None:
        return 0.0
    usual = pace.pace(course.points)
    most = LEAST_GAP_S if usual is None else max(LEAST_GAP_S, 5.0 / usual.middle)
    return min(max(0.0, at - course.at), most)


def leading(course: Course) -> Series | None:
    """The series that is believed."""
    return next((one for one in course.series if (one.source, one.rank) == course.lead), None)


def total(course: Course) -> int | None:
    """Of the series that is believed, or of another that cannot mean anything else."""
    mine = leading(course)
    if mine is None:
        return course.total
    if mine.total is not None or mine.length:
        return mine.total
    others = [
        one.total
        for one in course.series
        if one.total is not None and one.step <= one.total and not one.length
    ]
    told = [value for value in (course.total, *others) if value is not None and value >= mine.step]
    return told[0] if told else None
