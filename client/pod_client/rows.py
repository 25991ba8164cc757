"""What `status` shows of a pod that has said how it is: its lines in order, warnings last. Pure.

Not here: asking (``reading``), drawing bars (``picture``), and the table itself (``screen``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pod_client import holding, limits, picture
from pod_client.receipt import dollars, rehearsed, seconds

if TYPE_CHECKING:
    from pod_wire.status import JobStatus, ServiceStatus, Status

Rows = list[tuple[str, str | None]]
MOST_GPUS = 8
_SILENT_S = 60.0  # a step older than this is no news any more


def status_rows(status: Status, *, is_live: bool, ascii_only: bool = False) -> Rows:
    """Everything that is known, the stop before the warnings."""
    job = status.job
    rows: Rows = [("phase", status.phase.value + (f": {job.doing}" if job is not None and job.doing else ""))]
    if job is not None:
        rows += _job(job, status.now)
    rows += _progress(status, ascii_only=ascii_only, is_live=is_live)
    rows += _gpus(status)
    rows.append(("silence", silence(status) if is_live else None))
    rows += _money(status)
    rows.append(("can stop itself", status.self_stop.value))
    if is_live and status.stops_at is not None:
        because = f" ({status.stops_because})" if status.stops_because else ""
        rows.append(("stops", f"in {seconds(max(0.0, status.stops_at - status.now))}{because}"))
    rows.append(("budget", limits.budget(status)))
    rows.append(("held", holding.row(status) if is_live else None))
    rows += [("kept", words) for words in _kept(status)]
    failed = f"{status.stop_attempts} times: {status.stop_error}" if status.stop_error else None
    rows.append(("stop failed", failed))
    rows += [("service", words) for words in map(_service, status.services) if words]
    warnings = (*(job.warnings if job is not None else ()), *status.warnings)
    notes = status.progress.notes if status.progress is not None else ()
    rows += [("", warning) for warning in (*notes, *warnings)]
    return rows


def _job(job: JobStatus, now: float) -> Rows:
    rows: Rows = [("job", job.name)]
    if job.attempts:
        attempt = job.attempts[-1]
        began = attempt.started_at
        since = "" if began is None else f", for {seconds(max(0.0, now - began))}"
        live = attempt.ended_at is None
        rows.append(("attempt", f"{attempt.number}{since if live else ', ended'}"))
        rows.append(("pid", str(attempt.pid) if live and attempt.pid else None))
    if job.checkpoint is not None:
        step = "" if job.checkpoint.step is None else f" (step {job.checkpoint.step})"
        rows.append(("checkpoint", job.checkpoint.path + step))
    rows.append(("left", job.leave))
    rows.append(("rehearsal", rehearsed(job.rehearsal) if job.rehearsal is not None else None))
    return rows


def _progress(status: Status, *, ascii_only: bool, is_live: bool) -> Rows:
    """How far, how well, how fast, when it ends; and who says so."""
    told = status.progress
    if told is None:
        return []
    silent = ""
    if told.step_at is not None and status.now - told.step_at >= _SILENT_S:
        silent = f", {seconds(status.now - told.step_at)} ago"
    rate = picture.rate(told)
    return [
        ("step", picture.steps(told, ascii_only=ascii_only)),
        ("epoch", picture.epochs(told)),
        ("loss", picture.loss(told, ascii_only=ascii_only)),
        ("rate", rate),
        ("ends", picture.eta(told) if is_live else None),
        ("read from", f"{told.source}{silent}" if told.source else None),
    ]


def silence(status: Status) -> str | None:
    """The stall clock: what shows no sign of life, for how long, and when that ends the attempt."""
    told = status.stall
    if told is None or told.minutes <= 0:
        return None
    long = min(_SILENT_S, told.minutes * 60 / 4)
    if told.silent_s < long and told.earlier is None:
        return None
    ends = "" if told.acts_at is None else f" It is ended in {seconds(max(0.0, told.acts_at - status.now))}."
    return f"{told.because}{ends}" + (f" ({told.earlier})" if told.earlier else "")


def _gpus(status: Status) -> Rows:
    """What each does now, from an agent that tells it."""
    told = (status.gpus or ())[:MOST_GPUS]
    lines = [words for one in told if (words := picture.gpu(one))]
    return [("GPU use" if place == 0 else "", words) for place, words in enumerate(lines)]


def _money(status: Status) -> Rows:
    told = status.money
    if told is None:
        return [("cost", None if status.cost is None else f"{dollars(status.cost)} this boot")]
    boot = status.cost if status.cost is not None else told.boot
    return [
        ("cost", picture.spent(replace(told, boot=boot))),
        ("to finish", picture.to_finish(told)),
        ("goodput", picture.goodput(told)),
    ]


def _kept(status: Status) -> list[str]:
    """The leases that stand."""
    known = status.idle.keeps if status.idle is not None else ()
    left = [(seconds(max(0.0, keep.until - status.now)), keep.because) for keep in known]
    return [f"for {span} more{f': {because}' if because else ''}" for span, because in left]


def _service(service: ServiceStatus) -> str | None:
    """A service that does not run as it should; one that does is no news."""
    if service.state == "running":
        return f"{service.name} runs, begun again {service.restarts} times" if service.restarts else None
    if not service.is_expected:
        return None
    words = f"{service.name} is {service.state}{f': {service.words}' if service.words else ''}"
    return f"{words} ({service.remedy})" if service.remedy else words
