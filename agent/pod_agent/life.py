"""One life of the agent: its parts are put together, the loop runs, and at the end followers get what they are owed.

The composition root: everything is made here and nowhere else. The order of starting is the restart budget's: opening
and training first; HTTP, RunPod and their imports once the training runs, or after a second and a half.
"""

from __future__ import annotations

import logging
import signal
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent import later, signals
from pod_agent.farewell import OWED_S, Farewell
from pod_agent.haste import Haste
from pod_agent.outputs import mirror
from pod_agent.pod import marks, owner, scribe
from pod_agent.pod.armed import ArmedCheck
from pod_agent.pod.myself import Myself
from pod_agent.pod.record import PodRecords
from pod_agent.pod.rest import Rest
from pod_agent.run import climbing
from pod_agent.run import events as e
from pod_agent.run.attempt import KeptAttempts
from pod_agent.run.attempt_plan import USUAL, Patience
from pod_agent.run.effects import Effects
from pod_agent.run.failures.examiner import Examiner, places
from pod_agent.run.folders import HOME, Folders
from pod_agent.run.idling import Idling
from pod_agent.run.journal import FileJournal
from pod_agent.run.opening import Opening
from pod_agent.run.outlet import Outlet
from pod_agent.run.readiness import Readiness
from pod_agent.run.situation import Alive
from pod_agent.run.snapshot import PodFacts
from pod_agent.run.steps import RealSteps
from pod_agent.run.supervisor import Supervisor
from pod_agent.serving import Serving
from pod_wire.errors import PodError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_agent.pod.armed import Armed
    from pod_agent.pod.boot import Boot
    from pod_agent.pod.brakes import Deadline
    from pod_agent.pod.services_care import Services
    from pod_agent.pod.stop import StopLadder
    from pod_agent.pod.vitals.sampler import Sampler
    from pod_agent.progress.reader import ProgressReader
    from pod_agent.run.commands import Command, ExitAgent
    from pod_agent.run.situation import State
    from pod_agent.settings import Settings
    from pod_wire.clock import Clock
    from pod_wire.masker import Masker
    from pod_wire.status import LogPlace

log = logging.getLogger("podkeep")


class Life:
    """Built once; ``run`` returns the exit code. ``patience`` is the keeper's with the job."""

    def __init__(self, settings: Settings, clock: Clock, masker: Masker, patience: Patience = USUAL) -> None:
        self._settings = settings
        self._clock = clock
        self._masker = masker
        self._over = threading.Event()
        self._haste = Haste(clock)
        self._farewell = Farewell(clock)
        self._myself = Myself(settings)
        self._quill = quill = scribe.Scribe()
        self._folders = Folders(settings.workspace, settings.disk_dir, quill)
        pod = settings.pod_id or settings.hostname or "here"
        far = settings.workspace / HOME / "pods" / f"{pod}.json"
        self._outlet = Outlet(
            self._folders,
            masker,
            clock,
            live=lambda: self._supervisor.state.alive is not Alive.NONE,
            tell=self._measured,
            write=mirror.to_stdout,
            warn=lambda text: self._post(e.Warned(text)),
        )
        self._opening = Opening(
            settings,
            self._folders,
            PodRecords(settings.disk_dir, far, quill),
            clock,
            own_pod=self._myself.seen,
            on_boot=self._booted,
            on_folder=self._outlet.turn_to,
        )
        self._readiness = Readiness(
            settings,
            clock,
            boot=lambda: self._supervisor.facts.boot or "",
            post=self._post,
            own_pod=self._myself.seen,
            doing=self._doing,
            afford=lambda order: self._billing.afford(order),  # noqa: PLW0108 - it comes after its supervisor
        )
        self._services: Services | None = None
        self._vitals: Sampler | None = None
        self._progress: ProgressReader | None = None
        self._steps = RealSteps(
            settings,
            self._folders,
            clock,
            lambda: later.drained(self._outlet, self._chronicle, self._progress),
            patience,
            doing=self._doing,
            warn=lambda text: self._post(e.Warned(text)),
            readiness=self._readiness,
        )
        around = (self._steps, self._outlet)
        self._effects = Effects(
            self._steps,
            KeptAttempts(),
            self._opening,
            clock,
            post=self._post,
            ladder=self._ladder,
            partings=later.partings(
                settings, self._farewell, clock, lambda: self._supervisor, lambda: self._progress, around
            ),
            examine=Examiner(
                self._outlet.of, places(settings.workspace, settings.disk_dir), clock, lambda: self._vitals
            ).examine,
        )
        facts = PodFacts(
            pod=settings.pod_id,
            price=settings.price,
            idle_minutes=settings.idle_minutes,
            warnings=() if settings.job is not None else settings.warnings,
        )
        self._supervisor = Supervisor(
            self._folders,
            FileJournal(self._folders),
            self,
            clock,
            facts=facts,
            rest=Rest(settings.run_dir),
            changed=self._changed,
        )
        self._idling = Idling(settings, clock, self._supervisor, self._folders, lambda: self._vitals)
        self._chronicle = later.chronicle(clock, masker, self._folders, self._supervisor)
        self._billing = later.LateBilling(settings, clock, self._supervisor, self._folders, self._over)
        self._serving = Serving(
            settings,
            supervisor=self._supervisor,
            outlet=self._outlet,
            folders=self._folders,
            masker=masker,
            farewell=self._farewell,
            over=self._over,
            then=self._up,
            keep=self._idling.keep,
            vitals=lambda: self._vitals.latest if self._vitals is not None else None,
            receipt=lambda job: self._chronicle.told(job, self._progress),
            asked=lambda: later.asked(self._progress),
        )

    def do(self, command: Command) -> None:
        """The supervisor's commands go through to the effects."""
        self._effects.do(command)

    def run(self) -> int:
        """Until the pod is going, or the exit policy says so."""
        marks.here(self._settings.run_dir)
        hear = self._haste.hearing(lambda: self._post(e.Termed()), self._effects.hurry, self._quill.hurry)
        signals.hear((signal.SIGTERM, signal.SIGINT), hear)
        self._effects.open_first()
        self._billing.start()
        self._thread("owner", lambda: owner.stay(self._over, self._opening.renew, self._lost))
        self._thread("serve", lambda: self._serving.run(self._effects.training))
        return self._leave(self._supervisor.run())

    # Beginning

    def _booted(self, boot: Boot, deadline: Deadline | None) -> None:
        self._supervisor.update(
            lambda facts: replace(facts, boot=boot.id, booted_at=boot.booted_at, deadline=deadline)
        )
        climbing.resume(self._settings.disk_dir, boot.id, self._clock, self._post)
        self._idling.booted(boot.id)
        self._readiness.booted()

    def _up(self) -> None:
        """HTTP answers, the training has begun or failed to: what may wait that long begins here."""
        one = later.Each(self._post)
        one.begin("what was checked before is not known", self._readiness.recall)
        one.begin("idleness is not watched", self._idling.start)
        check = ArmedCheck(
            self._myself.look, self._clock, self._armed, lambda text: self._post(e.Warned(text))
        )
        one.begin("self-stop is not checked", check.start)
        self._vitals = later.vitals(self._settings, self._clock, self._over, self._post)
        read = (self._supervisor, self._steps, self._folders, self._outlet, self._clock)
        self._progress = one.begin("progress is not read", lambda: later.progress(*read))
        parts = (self._settings, self._clock, self._supervisor, self._steps)
        looks = (self._vitals, self._masker, self._over)
        one.begin("stalls are not looked for", lambda: later.stalls(*parts, *looks))
        self._services = one.begin("services are not started", lambda: later.services(*parts, self._post))
        if self._services is not None and self._over.is_set():
            one.begin("services are not ended", self._services.leave)
        later.settled()

    # What changes

    def _post(self, event: e.Event) -> None:
        self._supervisor.post(event)

    def _doing(self, words: str | None) -> None:
        self._supervisor.update(lambda facts: replace(facts, doing=words))

    def _measured(self, place: LogPlace) -> None:
        self._supervisor.update(lambda facts: replace(facts, log=place))

    def _lost(self, other: str) -> None:
        """Another pod has taken the folder, which ends our training."""
        self._post(e.OwnerLost(other))

    def _changed(self, state: State) -> None:
        climbing.changed(self._settings.disk_dir, state)
        self._serving.wake()
        self._idling.changed(state)
        if self._services is not None:
            self._services.wake()

    # RunPod

    def _armed(self, found: Armed) -> None:
        log.info("self_stop=%s reason=%r", found.self_stop, found.reason)
        self._billing.learned(found)
        self._supervisor.update(
            lambda facts: replace(
                facts,
                self_stop=found.self_stop,
                gpu=found.gpu or facts.gpu,
                disk_gb=found.disk_gb or facts.disk_gb,
                warnings=(*facts.warnings, *(one for one in found.said if one not in facts.warnings)),
            )
        )
        if found.clock_words:
            self._post(e.Warned(found.clock_words))
        if found.pod is not None:
            self._opening.learned(found.pod.started_at)

    def _ladder(self, terminate: bool) -> StopLadder:
        return climbing.ladder(
            self._myself.ways(terminate=terminate),
            self._supervisor,
            self._settings.disk_dir,
            self._clock,
            before=lambda: later.stopping(self._farewell, self._chronicle, self._progress),
            over=self._over.is_set,
            terminate=terminate,
        )

    # The end

    def _leave(self, left: ExitAgent) -> int:
        """Followers get the rest and the final status; then we go."""
        self._over.set()
        self._idling.leave()
        if self._services is not None:
            self._services.leave(0.0)  # told to; a slow one costs the log nothing
        self._farewell.leave(self._haste.for_followers(OWED_S))
        if self._progress is not None:
            self._progress.stop()
        self._outlet.close(self._haste.for_mirror())
        self._chronicle.leave(self._haste.for_receipt())
        self._release()
        if self._services is not None:
            self._services.leave(self._haste.for_services())
        if left.leave:
            marks.leaving(self._settings.run_dir, left.code)
        log.info("agent=left code=%d", left.code)
        return left.code

    def _release(self) -> None:
        """The folder is free for another pod at once; a mount that does not answer is not waited for."""
        self._quill.hurry()
        try:
            self._quill.do("release the folder", self._opening.release)
        except (PodError, OSError) as error:
            log.warning("owner=unreleased error=%r", str(error))

    def _thread(self, name: str, deed: Callable[[], None]) -> None:
        threading.Thread(target=deed, name=name, daemon=True).start()
