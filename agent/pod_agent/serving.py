"""HTTP comes up once the training has what it needs, and what may only follow it comes after: checks, services.

Not here: what is answered (``api``), nor when the agent leaves (``life``). HTTP takes a while to import, so nothing
of it is imported before.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.pod import marks
from pod_agent.run import events as e
from pod_wire.secrets import TokenRule

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from pod_agent.api.server import HttpServer
    from pod_agent.farewell import Farewell
    from pod_agent.pod.vitals.sample import Sample
    from pod_agent.run.folders import Folders
    from pod_agent.run.outlet import Outlet
    from pod_agent.run.supervisor import Supervisor
    from pod_agent.settings import Settings
    from pod_wire.idle import KeepAnswer, KeepAsk
    from pod_wire.masker import Masker
    from pod_wire.receipt import Receipt

SERVE_LATEST_S = 1.5  # /healthz must answer within three seconds, and HTTP may take one to import
PORT_PAUSE_S = 5.0
log = logging.getLogger("podkeep")


class Serving:
    """``run`` is a thread's; ``wake`` may be called by any. ``then``: once, when HTTP is up or could not come yet."""

    def __init__(
        self,
        settings: Settings,
        *,
        supervisor: Supervisor,
        outlet: Outlet,
        folders: Folders,
        masker: Masker,
        farewell: Farewell,
        over: threading.Event,
        then: Callable[[], None],
        keep: Callable[[KeepAsk], KeepAnswer],
        vitals: Callable[[], Sample | None] = lambda: None,
        receipt: Callable[[str], Receipt | None] = lambda _: None,
        asked: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._supervisor = supervisor
        self._outlet = outlet
        self._folders = folders
        self._masker = masker
        self._farewell = farewell
        self._over = over
        self._then = then
        self._keep = keep
        self._vitals = vitals
        self._receipt = receipt
        self._asked = asked
        self._server: HttpServer | None = None

    def run(self, training: threading.Event) -> None:
        """HTTP and RunPod, once the training has what it needs."""
        training.wait(SERVE_LATEST_S)
        is_up = self._try()
        if not self._over.is_set():
            self._then()
        while not is_up and not self._over.wait(PORT_PAUSE_S):
            is_up = self._try()

    def _try(self) -> bool:
        try:
            self._server = self._listen()
        except Exception as error:  # noqa: BLE001 - a thread's top: without HTTP the pod still has to stop
            log.error("http=down error=%r", str(error))  # noqa: TRY400 - one line, no trace
            self._supervisor.post(e.Warned(str(error)))
            return False
        return True

    def wake(self) -> None:
        """The state has changed: followers are told."""
        if self._server is not None:
            self._server.wake()

    def _listen(self) -> HttpServer:
        from importlib.metadata import version  # noqa: PLC0415 - reads files that nobody else needs

        from pod_agent.api.parts import Parts  # noqa: PLC0415 - HTTP comes after the training
        from pod_agent.api.server import HttpServer  # noqa: PLC0415
        from pod_agent.run.code.trees import Trees  # noqa: PLC0415
        from pod_agent.run.shown import Shown  # noqa: PLC0415

        self._supervisor.update(lambda facts: replace(facts, version=version("podkeep")))
        workspace = self._settings.workspace
        from pod_agent.pod.vitals.shown import with_gpus  # noqa: PLC0415

        shown = Shown(lambda: self._supervisor.state.job, self._outlet, self._folders, workspace)
        parts = Parts(
            snapshot=lambda: with_gpus(self._supervisor.snapshot(), self._vitals()),
            ask=self._supervisor.ask,
            log=shown.log,
            journal=shown.journal,
            checkpoints=shown.checkpoints,
            token=TokenRule(marks.token(self._settings), marks.local_token(self._settings)),
            vitals=self._vitals,
            receipt=self._receipt,
            asked=self._asked,
            masker=self._masker,
            keep=self._keep,
            trees=Trees(workspace),
            awaits=shown.awaits,
        )
        server = HttpServer(parts, self._settings.port)
        server.start()
        self._farewell.opened(server)
        log.info("http=up port=%d", server.port)
        return server
