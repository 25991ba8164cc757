"""The face of a course, as the status shows it. Pure: only numbers that JSON knows leave here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.progress import course as courses
from pod_agent.progress import curve, pace
from pod_wire.status import Progress

if TYPE_CHECKING:
    from pod_agent.progress.course import Course


def progress(
    course: Course, now: float, notes: tuple[str, ...] = (), *, is_running: bool = True
) -> Progress | None:
    """None where nothing has been read yet. What does not run has no end to wait for."""
    lead = courses.leading(course)
    if lead is None and course.epoch is None and course.loss is None and not course.is_nan and not notes:
        return None
    rate = pace.pace(course.points)
    step = None if lead is None else lead.step
    total = courses.total(course)
    ends = (
        None if not is_running else pace.eta(rate, step, total, 0.0 if course.at is None else now - course.at)
    )
    return Progress(
        source=None if lead is None else lead.source,
        step=step,
        total=total,
        epoch=course.epoch,
        epochs=course.epochs,
        loss=course.loss,
        loss_is_nan=course.is_nan,
        losses=curve.shown(course.curve, course.loss),
        scalars=dict(course.scalars),
        rate=None if rate is None else rate.middle,
        eta_s=None if ends is None else ends.seconds,
        eta_least_s=None if ends is None else ends.least,
        eta_most_s=None if ends is None else ends.most,
        eta_is_sure=ends is not None and ends.is_sure,
        step_at=course.at,
        first_step_at=course.first_step_at,
        advanced_s=course.advanced_s,
        notes=notes,
    )
