"""One life of the agent: its parts are put together, the loop runs, and at the end followers get what they are owed.

The composition root: everything is made here and nowhere else. The order of starting is the restart budget's: opening
and training first; HTTP, RunPod and their imports once the training runs, or after a second and a half.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import signal
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent import signals
from pod_agent.farewell import Farewell
from pod_agent.pod import scribe
from pod_agent.pod.armed import ArmedCheck
from pod_agent.pod.myself import Myself
from pod_agent.pod.owner import BEAT_S
from pod_agent.pod.record import PodRecords
from pod_agent.pod.rest import Rest
from pod_agent.pod.stop import StopLadder
from pod_agent.run import events as e
from pod_agent.run.attempt import KeptAttempts
from pod_agent.run.attempt_plan import USUAL, Patience
from pod_agent.run.effects import Effects
from pod_agent.run.folders import HOME, Folders
from pod_agent.run.journal import FileJournal
from pod_agent.run.opening import Opening
from pod_agent.run.outlet import Outlet
from pod_agent.run.situation import Alive
from pod_agent.run.snapshot import PodFacts
from pod_agent.run.steps import RealSteps
from pod_agent.run.supervisor import Supervisor
from pod_wire.errors import PodError
from pod_wire.secrets import Secret, TokenRule
from pod_wire.status import SelfStop

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_agent.api.server import HttpServer
    from pod_agent.pod.armed import Armed
    from pod_agent.pod.boot import Boot
    from pod_agent.pod.brakes import Deadline
    from pod_agent.run.commands import Command, ExitAgent
    from pod_agent.run.situation import State
    from pod_agent.settings import Settings
    from pod_wire.clock import Clock
    from pod_wire.masker import Masker
    from pod_wire.status import LogPlace

SERVE_LATEST_S = 1.5  # /healthz must answer within three seconds, and HTTP may take one to import
PORT_PAUSE_S = 5.0
RELEASE_S = 0.5
LEAST_TOKEN = 32  # letters of one of ours
log = logging.getLogger("podkeep")


class Life:
    """Built once; ``run`` returns the exit code. ``patience`` is the keeper's with the job."""

    def __init__(self, settings: Settings, clock: Clock, masker: Masker, patience: Patience = USUAL) -> None:
        self._settings = settings
        self._clock = clock
        self._masker = masker
        self._over = threading.Event()
        self._server: HttpServer | None = None
        self._farewell = Farewell(clock)
        self._myself = Myself(settings)
        quill = scribe.Scribe()
        self._folders = Folders(settings.workspace, settings.disk_dir, quill)
        pod = settings.pod_id or settings.hostname or "here"
        far = settings.workspace / HOME / "pods" / f"{pod}.json"
        self._outlet = Outlet(
            self._folders,
            masker,
            clock,
            live=lambda: self._supervisor.state.alive is not Alive.NONE,
            tell=self._measured,
            write=_to_stdout,
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
        steps = RealSteps(
            settings,
            self._folders,
            clock,
            self._outlet.measure,
            patience,
            doing=self._doing,
            warn=lambda text: self._post(e.Warned(text)),
        )
        self._effects = Effects(
            steps, KeptAttempts(), self._opening, clock, post=self._post, ladder=self._ladder
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

    def do(self, command: Command) -> None:
        """The supervisor's commands go through to the effects."""
        self._effects.do(command)

    def run(self) -> int:
        """Until the pod is going, or the exit policy says so."""
        self._leave_marks()
        signals.hear((signal.SIGTERM, signal.SIGINT), lambda: self._post(e.Termed()))
        self._effects.open_first()
        self._thread("owner", self._stay_owner)
        self._thread("serve", self._serve)
        left = self._supervisor.run()
        return self._leave(left)

    # Beginning

    def _booted(self, boot: Boot, deadline: Deadline | None) -> None:
        self._supervisor.update(
            lambda facts: replace(facts, boot=boot.id, booted_at=boot.booted_at, deadline=deadline)
        )

    def _leave_marks(self) -> None:
        """Where the entrypoint finds us; a mark of an earlier leaving is taken away."""
        run = self._settings.run_dir
        try:
            scribe.make_folder(run)
            (run / "leave").unlink(missing_ok=True)
            scribe.replace(run / "agent.pid", f"{os.getpid()}\n".encode())
        except OSError as error:  # a full disk must not keep us from stopping the pod
            log.warning("marks=unwritten error=%r", str(error))

    def _serve(self) -> None:
        """HTTP and RunPod, once the training has what it needs."""
        self._effects.training.wait(SERVE_LATEST_S)
        while not self._over.is_set():
            try:
                self._server = self._listen()
            except Exception as error:  # noqa: BLE001 - a thread's top: without HTTP the pod still has to stop
                log.error("http=down error=%r", str(error))  # noqa: TRY400 - one line, no trace
                self._post(e.Warned(str(error)))
                self._over.wait(PORT_PAUSE_S)
            else:
                break
        ArmedCheck(self._myself.look, self._clock, self._armed).start()

    def _listen(self) -> HttpServer:
        from importlib.metadata import version  # noqa: PLC0415 - reads files that nobody else needs

        from pod_agent.api.parts import Parts  # noqa: PLC0415 - HTTP comes after the training
        from pod_agent.api.server import HttpServer  # noqa: PLC0415
        from pod_agent.run.code.trees import Trees  # noqa: PLC0415
        from pod_agent.run.shown import Shown  # noqa: PLC0415

        self._supervisor.update(lambda facts: replace(facts, version=version("podkeep")))
        workspace = self._settings.workspace
        shown = Shown(lambda: self._supervisor.state.job, self._outlet, self._folders, workspace)
        parts = Parts(
            snapshot=self._supervisor.snapshot,
            ask=self._supervisor.ask,
            log=shown.log,
            journal=shown.journal,
            checkpoints=shown.checkpoints,
            token=TokenRule(token(self._settings)),
            masker=self._masker,
            trees=Trees(workspace),
            awaits=shown.awaits,
        )
        server = HttpServer(parts, self._settings.port)
        server.start()
        self._farewell.opened(server)
        log.info("http=up port=%d", server.port)
        return server

    # What changes

    def _post(self, event: e.Event) -> None:
        self._supervisor.post(event)

    def _doing(self, words: str | None) -> None:
        self._supervisor.update(lambda facts: replace(facts, doing=words))

    def _measured(self, place: LogPlace) -> None:
        self._supervisor.update(lambda facts: replace(facts, log=place))

    def _changed(self, _state: State) -> None:
        if self._server is not None:
            self._server.wake()

    def _stay_owner(self) -> None:
        """Beat every ten seconds; another nonce ends our training."""
        told = ""
        while not self._over.wait(BEAT_S):
            try:
                other = self._opening.renew()
            except Exception as error:  # noqa: BLE001 - a thread's top: the next beat tries again
                if str(error) != told:
                    log.warning("owner=unrenewed error=%r", str(error))
                told = str(error)
                continue
            if other is not None:
                self._post(e.OwnerLost(other))

    # RunPod

    def _armed(self, found: Armed) -> None:
        log.info("self_stop=%s reason=%r", found.self_stop, found.reason)
        impossible = found.self_stop is SelfStop.IMPOSSIBLE
        said = (f"this pod cannot stop itself: {found.reason}",) if impossible else ()
        self._supervisor.update(
            lambda facts: replace(
                facts,
                self_stop=found.self_stop,
                price=facts.price if facts.price is not None else found.price,
                warnings=(*facts.warnings, *said),
            )
        )
        if found.pod is not None:
            self._opening.learned(found.pod.started_at)

    def _ladder(self, terminate: bool) -> StopLadder:
        return StopLadder(
            self._myself.ways(terminate=terminate),
            self._clock,
            lambda rounds, error: self._post(e.StopRefused(rounds, error)),
            before=self._farewell.let_be_seen,
            leaving=self._over.is_set,
        )

    # The end

    def _leave(self, left: ExitAgent) -> int:
        """Followers get the rest and the final status; then we go."""
        self._over.set()
        self._farewell.leave()
        self._outlet.close()
        self._release()
        if left.leave:
            scribe.replace(self._settings.run_dir / "leave", f"{left.code}\n".encode())
        log.info("agent=left code=%d", left.code)
        return left.code

    def _release(self) -> None:
        """The folder is free for another pod at once; a mount that does not answer is not waited for."""
        try:
            scribe.Scribe(RELEASE_S).do("release the folder", self._opening.release)
        except (PodError, OSError) as error:
            log.warning("owner=unreleased error=%r", str(error))

    def _thread(self, name: str, deed: Callable[[], None]) -> None:
        threading.Thread(target=deed, name=name, daemon=True).start()


def token(settings: Settings) -> Secret:
    """The configured token; without one, ours: made once, in a file that only root reads, for ssh."""
    if settings.token is not None:
        return settings.token
    path = settings.disk_dir / "token"
    with contextlib.suppress(OSError, UnicodeDecodeError):
        known = path.read_text("ascii").strip()
        if len(known) >= LEAST_TOKEN:  # an empty one would let everybody in
            return Secret(known)
    made = secrets.token_urlsafe(32)
    try:
        scribe.make_folder(path.parent)
        scribe.replace(path, f"{made}\n".encode())
    except OSError as error:  # nobody can know this one, but /healthz answers
        log.warning("token=unwritten error=%r", str(error))
    return Secret(made)


def _to_stdout(data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(1, left) :]
