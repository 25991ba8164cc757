"""From what is known of a job and the verdict on its order to the record that is worked on. Pure.

A run is one lineage of training: orders, boots and pods go by, attempts resume each other. Not here: reading (opening).
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.pod import brakes
from pod_agent.run import events as e
from pod_agent.run import records, rehearsal
from pod_agent.run.state import Job, warned
from pod_wire.frozen import dataclass
from pod_wire.orders import Verdict
from pod_wire.source import is_same_place
from pod_wire.status import Phase

if TYPE_CHECKING:
    from pod_agent.pod.boot import Boot
    from pod_agent.pod.brakes import Deadline
    from pod_wire.job import JobSpec

LOST = "lost when the pod went down"
OTHER_CODE = "this order's code comes from elsewhere"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What surrounds an order: the boot, the moment from which its hours count, the deadline kept on the disk."""

    boot: Boot
    now: float
    since: float
    known_deadline: Deadline | None = None
    warnings: tuple[str, ...] = ()
    is_asked: bool = True  # somebody gave this order; false: an environment merely stands as it is
    hours: float | None = None  # what the environment gives a boot without work


def carry(past: Job | None, verdict: Verdict, spec: JobSpec, order: str, around: Circumstances) -> Job:
    """The record to work on."""
    if past is None or (verdict is Verdict.RUN and _begins_anew(past, spec, order, around)):
        return _begin(past, spec, order, around)
    same_boot = past.boot == around.boot.id
    if verdict is Verdict.WAIT:
        return past if same_boot else _at_rest(past, around)
    job = past if same_boot and verdict is not Verdict.RUN else _close(past, around.now)
    if not same_boot:
        job = replace(job, boot=around.boot.id, tries=0, stop_because=None)
    if verdict is Verdict.RUN:
        job = _order_anew(job, spec, order, around)
    else:
        job = replace(job, ending=None, stop_because=None, held=None, leave=None)
    deadline = brakes.deadline(
        _known(job, around), around.boot.id, job.order, job.spec.max_hours, around.since
    )
    return warned(replace(job, deadline=deadline), *_other_code(past, job), *around.warnings)


def _other_code(past: Job, job: Job) -> tuple[str, ...]:
    """One name for two repositories: they share a run, and take each other's checkpoints. Nothing is forbidden."""
    if is_same_place(past.spec.repo, job.spec.repo):
        return ()
    text = (
        f"{OTHER_CODE} than that of the order before it, and the job's name is the same: run {job.run} goes on, and "
        "its checkpoints are resumed. If this is another training, give it a POD_JOB of its own, or begin anew with "
        "pod-client up --fresh"
    )
    return (text,)


def _begins_anew(past: Job, spec: JobSpec, order: str, around: Circumstances) -> bool:
    """POD_FRESH: once for each order; an environment that stands without one counts once for its spec."""
    if not spec.fresh or past.order == order:
        return False
    return around.is_asked or past.fresh_for != spec.spec_hash()


def _at_rest(past: Job, around: Circumstances) -> Job:
    """A job of an earlier boot that is over: it keeps that boot's name, and does not stop this one.

    Its hours, or else the environment's, bound this boot, from its own beginning.
    """
    hours = past.spec.max_hours if past.spec.max_hours is not None else around.hours
    since = max(around.since, around.boot.booted_at)  # never a moment of an earlier boot
    deadline = brakes.deadline(_known(past, around), around.boot.id, past.order, hours, since)
    return replace(_close(past, around.now), stop_because=None, deadline=deadline, held=None)


def _known(job: Job, around: Circumstances) -> Deadline | None:
    """The deadline that was set for this order on this boot, from the disk or from the record."""
    kept = around.known_deadline
    is_its = kept is not None and (kept.boot, kept.order) == (around.boot.id, job.order)
    return kept if is_its else job.deadline


def _begin(past: Job | None, spec: JobSpec, order: str, around: Circumstances) -> Job:
    """A new run. An earlier one of this name leaves its numbers of revisions, nothing else."""
    deadline = brakes.deadline(around.known_deadline, around.boot.id, order, spec.max_hours, around.since)
    return Job(
        spec,
        order,
        run=secrets.token_hex(4),
        run_began_at=around.now,
        boot=around.boot.id,
        accepted_at=around.now,
        deadline=deadline,
        warnings=around.warnings,
        fresh_for=spec.spec_hash() if spec.fresh else None,
        revision=past.revision if past is not None else 0,
    )


def _order_anew(job: Job, spec: JobSpec, order: str, around: Circumstances) -> Job:
    """A new order for a known job: it resumes by name; the commit may move, the tries count from zero."""
    return replace(
        job,
        spec=spec,
        order=order,
        boot=around.boot.id,
        phase=Phase.SYNCING,
        accepted_at=around.now,
        commit=None,
        tries=0,
        before=job.checkpoint,  # what stands already is no step under this order
        phases=(),
        ending=None,
        stop_because=None,
        held=None,
        leave=None,
        warnings=(),
        deadline=None,
        rehearsal=rehearsal.ordered(job.rehearsal),
        stall=None,
    )


def _close(job: Job, now: float) -> Job:
    """No attempt of an earlier boot, or of an earlier order, is alive."""
    last = job.open_attempt
    return job if last is None else records.over(job, e.AttemptEnded(last.number, records.lost(now)), LOST)
