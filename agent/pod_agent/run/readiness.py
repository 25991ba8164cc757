"""Is this pod fit for this job? Inspected while code and environment come, held against before the training begins.

An unfit pod ends the job at once, whatever step is under way; what is only odd is a warning in the status and a line in
the log. Not here: looking and judging (``pod.preflight``).
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pod_agent.run import events as e
from pod_agent.run.after_watch import is_watch
from pod_agent.run.work import StepCancelled, StepFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_agent.pod.preflight.inspection import Inspection
    from pod_agent.pod.preflight.kept import Kept
    from pod_agent.pod.preflight.pace import Meter
    from pod_agent.pod.preflight.place import Load, Place
    from pod_agent.pod.preflight.verdict import Finding
    from pod_agent.run.state import Job
    from pod_agent.run.work import Work
    from pod_agent.settings import Settings
    from pod_wire.clock import Clock
    from pod_wire.runpod.models import Pod

BEAT_S = 0.25
log = logging.getLogger("podkeep")


@dataclass(slots=True)
class Check:
    """One under way. ``over``: nothing more holds the training back; ``known``: what this boot was found to be."""

    order: str
    job: str  # the spec's hash
    work: Work  # of the step under way
    over: threading.Event = field(default_factory=threading.Event)
    code_is_here: threading.Event = field(default_factory=threading.Event)
    findings: list[Finding] = field(default_factory=list)
    said: tuple[str, ...] = ()  # lines of it that stand in the log
    known: Kept | None = None
    meter: Meter | None = None
    is_left: bool = False

    def leave(self) -> None:
        """Nobody waits for it any more."""
        self.is_left = True
        if self.meter is not None:
            self.meter.stop()


class Readiness:
    """One check for each way to an attempt. ``boot`` names the boot, ``own_pod`` is RunPod's record of us."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        *,
        boot: Callable[[], str],
        post: Callable[[e.Event], None],
        own_pod: Callable[[], Pod | None] = lambda: None,
        doing: Callable[[str | None], None] = lambda _: None,
        afford: Callable[[str], Finding] | None = None,
        inspection: Callable[[Place], Inspection] | None = None,
        meter: Callable[[Callable[[Finding], None]], Meter] | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._boot = boot
        self._post = post
        self._own_pod = own_pod
        self._doing = doing
        self._afford = afford
        self._inspection = inspection or self._usual
        self._meter = meter or self._usual_meter
        self._check: Check | None = None
        self._recalls = False

    def begin(self, job: Job, work: Work) -> None:
        """Start looking, unless that is under way for this order. Returns at once. ``work`` is the step's own."""
        if self._check is not None and self._check.order == job.order:
            self._check.work = work
            return
        self.leave()
        if is_watch(job.spec.command):
            return
        self._check = check = Check(job.order, job.spec.spec_hash(), work)
        threading.Thread(target=lambda: self._run(check, job), name="preflight", daemon=True).start()

    def synced(self) -> None:
        """The code is here: names that do not resolve cost no job any more."""
        if self._check is not None:
            self._check.code_is_here.set()

    def leave(self) -> None:
        """The way to an attempt is given up: nothing more is measured or told."""
        check, self._check = self._check, None
        if check is not None:
            check.leave()

    def hold(self, work: Work) -> None:
        """Wait for the verdict; StepFailed when it is bad. A later attempt is looked at anew."""
        from pod_agent.pod.preflight import verdict  # noqa: PLC0415 - loaded by now

        check, self._check = self._check, None
        if check is None:
            return
        try:
            while not check.over.wait(BEAT_S):
                work.beat()
            bad = verdict.failed(check.findings)
            if bad is not None:  # the machine has been told so already, with better words
                raise StepFailed(bad.reason, bad.remedy)
            self._settled(check, work)
        finally:
            check.leave()

    def recall(self) -> None:
        """Tell again what an earlier agent of this boot was warned of, as the status would lose it."""
        self._recalls = True
        self.booted()

    def booted(self) -> None:
        """The boot is known, which on a slow workspace may be after ``recall``."""
        boot = self._boot()
        if not self._recalls or not boot:
            return
        from pod_agent.pod.preflight import kept  # noqa: PLC0415 - the training comes first

        known = kept.read(self._settings.disk_dir)
        if known is not None and known.boot == boot:
            for text in known.warnings:
                self._post(e.Warned(text))

    # The check's own thread

    def _run(self, check: Check, job: Job) -> None:
        try:
            self._inspect(check, job)
        except Exception as error:  # noqa: BLE001 - a thread's top: a defect of ours must not hold a training back
            self._post(e.Warned(f"a defect of podkeep in the preflight: {error!r}"))
        finally:
            check.over.set()

    def _inspect(self, check: Check, job: Job) -> None:
        from pod_agent.pod.preflight import kept, place  # noqa: PLC0415 - not needed where an attempt is found alive

        began = self._clock.monotonic()
        here = place.of(self._settings)
        load = _load(job)
        known = kept.read(self._settings.disk_dir)
        if known is not None and (known.boot, known.job) == (self._boot(), load.job):
            check.known = known
            here = replace(here, begins_cuda=False)
        inspection = self._inspection(here)
        if here.is_pod and check.known is None:
            self._follow(check, here, inspection, load)
        self._tell(check, inspection.of_machine(load))
        if self._afford is not None:
            self._tell(check, (self._afford(check.order),))
        log.info("preflight=%s seconds=%.3f", _word(check), self._clock.monotonic() - began)

    def _follow(self, check: Check, here: Place, inspection: Inspection, load: Load) -> None:
        """What is told whenever it is known: names, and the pace at which code and packages come."""

        def names() -> None:
            try:
                self._tell(check, inspection.of_names(load, check.code_is_here.is_set))
            except Exception as error:  # noqa: BLE001 - as above
                self._post(e.Warned(f"a defect of podkeep in looking up names: {error!r}"))

        threading.Thread(target=names, name="preflight-names", daemon=True).start()
        if not here.is_simulated:
            check.meter = self._meter(lambda found: self._tell_early(check, found))
            check.meter.start()
            if check.is_left:  # before it had a meter
                check.meter.stop()

    def _tell(self, check: Check, findings: tuple[Finding, ...]) -> None:
        from pod_agent.pod.preflight import verdict  # noqa: PLC0415 - the same

        for one in findings:
            if one.level is verdict.Level.WARNING:
                self._post(e.Warned(one.text))
        check.findings += findings
        bad = verdict.failed(findings)
        if bad is not None:
            self._post(e.Unfit(check.order, bad.reason, bad.remedy, bad.ends_pod))

    def _tell_early(self, check: Check, found: Finding) -> None:
        """While code and packages come; into the log by way of the step at work, which a keeper never writes beside."""
        from pod_agent.pod.preflight import verdict  # noqa: PLC0415 - the same

        self._tell(check, (found,))
        lines = verdict.texts((found,))
        try:
            for text in lines:
                check.work.say(f"podkeep: {text}")
        except (StepCancelled, OSError) as error:
            log.info("preflight=unsaid error=%r", error)
        else:
            check.said += lines

    def _settled(self, check: Check, work: Work) -> None:
        """The way is free: what is odd goes into the log, and is remembered for this boot."""
        from pod_agent.pod.preflight import kept, verdict  # noqa: PLC0415 - the same

        if check.meter is not None:
            check.meter.stop()
            self._tell(check, (check.meter.verdict(),))
        known = check.known or kept.Kept(self._boot(), check.job)
        now = kept.more(known, verdict.warnings(check.findings), verdict.texts(check.findings))
        for text in now.told[len(known.told) :]:
            if text not in check.said:
                work.say(f"podkeep: {text}")
        if now == check.known:
            return
        try:
            kept.write(self._settings.disk_dir, now)
        except OSError as error:
            log.warning("preflight=unwritten error=%r", str(error))

    def _usual(self, here: Place) -> Inspection:
        from pod_agent.pod.preflight.inspection import Inspection  # noqa: PLC0415 - the same

        return Inspection(here, self._clock, own_pod=self._own_pod, doing=self._doing)

    def _usual_meter(self, tell: Callable[[Finding], None]) -> Meter:
        from pod_agent.pod.preflight.pace import Meter  # noqa: PLC0415 - the same

        return Meter(self._clock, tell=tell, price=self._settings.price)


def _load(job: Job) -> Load:
    from pod_agent.pod.preflight.place import Load  # noqa: PLC0415 - the same

    known = [place.size_bytes for place in (job.checkpoint, job.before) if place is not None]
    return Load(
        job=job.spec.spec_hash(),
        repo=job.spec.repo,
        must_fetch=job.commit is None,
        checkpoint_bytes=max(known, default=0),
        is_ephemeral=job.spec.ephemeral,
    )


def _word(check: Check) -> str:
    from pod_agent.pod.preflight import verdict  # noqa: PLC0415 - the same

    return "unfit" if verdict.failed(check.findings) is not None else "fit"
