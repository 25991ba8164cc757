"""The stall brake of this life: who is looked at, what the status is told, and what is done about a stall.

Loaded once the training runs. Not here: the rules (``pod.stall``), and what follows for the job (``stalls``).
"""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.pod.stall.sources import Sources
from pod_agent.pod.stall.subject import Subject
from pod_agent.pod.stall.watch import Watch
from pod_agent.run import events as e
from pod_agent.run import exit_record, keeper_tree, stalls
from pod_agent.run.attempt_plan import USUAL
from pod_agent.run.situation import Alive
from pod_wire.status import Phase, Rehearsed

if TYPE_CHECKING:
    from pathlib import Path

    from pod_agent.pod.vitals.sample import Sample
    from pod_agent.pod.vitals.sampler import Sampler
    from pod_agent.run.situation import State
    from pod_agent.run.state import Job
    from pod_agent.run.steps import RealSteps
    from pod_agent.run.supervisor import Supervisor
    from pod_agent.settings import Settings
    from pod_wire.clock import Clock
    from pod_wire.masker import Masker
    from pod_wire.stall import StallStatus

HOLD_MARGIN_S = 60.0  # after which the keeper should have ended the job for its full disk
RECORD_S = 10.0  # until the decision is in the record
PAUSE_S = 0.05


class Stalling:
    """``vitals`` looks at the machine; without it nothing is known of GPUs."""

    def __init__(  # noqa: PLR0917 - what it looks at, and what it must not say
        self,
        settings: Settings,
        clock: Clock,
        supervisor: Supervisor,
        steps: RealSteps,
        vitals: Sampler | None,
        masker: Masker,
    ) -> None:
        self._masker = masker
        self._settings = settings
        self._clock = clock
        self._supervisor = supervisor
        self._steps = steps
        self._vitals = vitals
        self._watch = Watch(
            settings.run_dir,
            clock,
            Sources(lambda: None if vitals is None else vitals.recent),
            boot=lambda: supervisor.facts.boot,
            subject=self._subject,
            publish=self._publish,
            act=self._act,
            hold_s=USUAL.full_s + HOLD_MARGIN_S,
        )

    def start(self, over: threading.Event) -> None:
        threading.Thread(target=lambda: self._run(over), name="stall", daemon=True).start()

    def _run(self, over: threading.Event) -> None:
        while not over.wait(self._watch.try_to_look()):
            continue

    def _subject(self) -> Subject | None:
        """The attempt that runs; None while there is none, or while it is being ended for another reason."""
        state, facts = self._supervisor.state, self._supervisor.facts
        job = state.job
        last = job.open_attempt if job is not None else None
        if job is None or last is None or not last.pid or not _is_looked_at(state, job):
            return None
        stall = job.stall if job.stall is not None and job.stall.attempt == last.number else None
        if stall is not None and stall.is_told:
            return None
        place = self._steps.place(job, last.number)
        told = facts.progress if facts.told_of == job.run else None
        marks: list[object] = (
            [] if told is None or told.step_at is None else [told.step, told.epoch, told.step_at]
        )
        marks += [] if job.checkpoint is None else [job.checkpoint.path, job.checkpoint.seen_at]
        return Subject(
            attempt=f"{job.run}-{last.number}",
            number=last.number,
            pid=last.pid,
            keeper=_keeper(place),
            place=place,
            log=self._steps.log(job.name).path,
            folder=self._steps.surroundings(job)[0],
            minutes=job.spec.stall_minutes,
            step=repr(marks) if marks else None,
            is_stalled=stall is not None,
            earlier=_earlier(job),
        )

    def _publish(self, status: StallStatus | None) -> None:
        self._supervisor.update(lambda facts: replace(facts, stall=status))

    def _act(self, subject: Subject, reason: str) -> None:
        """Into the record first; then its stacks into the log, and it may be ended."""
        if not subject.is_stalled:
            self._supervisor.post(e.Stalled(subject.number, reason))
            reason = self._recorded(subject.number) or ""
            if not reason:
                return
        text = reason or self._recorded(subject.number) or "stalled"
        from pod_agent.pod.stall import evidence  # noqa: PLC0415 - most trainings never stall
        from pod_agent.pod.stall.evidence import Around  # noqa: PLC0415

        try:
            around = Around(self._path(), self._sample, self._masker)
            evidence.tell(subject, text, around, stalls.SEE_S)
        finally:
            self._supervisor.post(e.StallTold(subject.number))
            self._settle(subject.number)

    def _recorded(self, number: int) -> str | None:
        """The stall's words, once it is in the record; None where it was not taken for one."""
        until = self._clock.monotonic() + RECORD_S
        while self._clock.monotonic() < until:
            job = self._supervisor.state.job
            if job is not None and job.stall is not None and job.stall.attempt == number:
                return job.stall.text
            self._clock.sleep(PAUSE_S)
        return None

    def _settle(self, number: int) -> None:
        """Until the record says that it was told: not twice for one stall."""
        until = self._clock.monotonic() + RECORD_S
        while self._clock.monotonic() < until:
            job = self._supervisor.state.job
            if job is None or job.stall is None or job.stall.attempt != number or job.stall.is_told:
                return
            self._clock.sleep(PAUSE_S)

    def _path(self) -> str:
        """The job's own, as far as it is known: its environment may have py-spy."""
        job = self._supervisor.state.job
        known = None if job is None else self._steps.surroundings(job)[1]
        return (known or self._settings.job_environment).get("PATH", os.defpath)

    def _sample(self) -> Sample | None:
        return None if self._vitals is None else self._vitals.latest


def _is_looked_at(state: State, job: Job) -> bool:
    if state.phase is not Phase.RUNNING or state.alive is not Alive.LIVE or state.restarting or state.leaving:
        return False
    return job.rehearsal is None or job.rehearsal.state is not Rehearsed.KILLING


def _keeper(place: Path) -> int:
    """The training's parent; 0 where none lives just now."""
    claim = exit_record.newest_claim(str(place))
    return claim.pid if claim is not None and keeper_tree.is_alive(claim.pid, claim.start) else 0


def _earlier(job: Job) -> str | None:
    known = job.stall
    if known is None:
        return None
    return f"attempt {known.attempt} was {known.text}; one more with nothing newer saved ends the job"
