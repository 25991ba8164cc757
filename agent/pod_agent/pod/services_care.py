"""One thread for each service: begins it, waits for its end, rests, begins it again, and ends it when we leave.

A service that an earlier agent began is gone on with when it was begun with the same things, and replaced otherwise.
Whatever goes wrong with one is told in its status and nowhere else felt. Not here: how long it rests (``services``).
"""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.pod.services import MOST_LIVES, USUAL, Lived, Off, Patience, Service, Start, after
from pod_agent.pod.services_process import Place, Process, making, ready
from pod_wire.bell import Bell
from pod_wire.errors import PodError
from pod_wire.status import ServiceState, ServiceStatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pod_wire.clock import Clock

LOOK_S = 5.0
LEAVE_S = 1.5
LOG_S, FLOODED_S = 1.0, 0.1  # a service that writes without end fills no disk
log = logging.getLogger("podkeep")


class Care:
    """Of one service. ``run`` is its thread's; ``leave`` and ``wake`` may be called by any."""

    def __init__(
        self,
        service: Service,
        place: Place,
        clock: Clock,
        tell: Callable[[ServiceStatus], None],
        patience: Patience = USUAL,
    ) -> None:
        self._service = service
        self._place = place
        self._clock = clock
        self._tell = tell
        self._patience = patience
        self._bell = Bell()
        self._leaving = threading.Event()
        self._lives: tuple[Lived, ...] = ()
        self._restarts = 0
        self._said: ServiceStatus | None = None
        self._trouble = ""
        self._is_first = True
        self._held: Process | None = None

    def leave(self) -> None:
        self._leaving.set()
        self.wake()

    def wake(self) -> None:
        """Something has changed that the service's files tell of."""
        self._bell.ring()

    def run(self) -> None:
        """Until we leave."""
        while not self._leaving.is_set():
            began = self._clock.monotonic()
            try:
                words = self._one_life(self._living())
            except Exception as error:  # noqa: BLE001 - a thread's top: counted as an end of the service
                words = error.message if isinstance(error, PodError) else f"{type(error).__name__}: {error}"
            if self._leaving.is_set() or words is None:
                continue
            self._lives = (*self._lives, Lived(began, self._clock.monotonic()))[-MOST_LIVES:]
            self._rest(words)
        if self._held is not None:
            self._held.end(self._patience.grace_s)
        self._told(ServiceState.ENDED)

    def _living(self) -> Process | None:
        """The one that a defect of ours took us away from; at first, our predecessor's."""
        if self._is_first:
            self._is_first = False
            self._held = self._inherited()
        return self._held

    def _inherited(self) -> Process | None:
        """Our predecessor's, if it lives and is of the same making."""
        found = self._place.found()
        if found is None:
            return None
        self._restarts = found.known.restarts
        try:
            wanted = self._service.prepare()
        except Exception as error:  # noqa: BLE001 - what runs is better than what cannot be begun
            log.warning("service=%s error=%r", self._service.name, str(error))
            return found
        if isinstance(wanted, Start) and making(wanted) == found.known.making:
            return found
        log.info("service=%s pid=%d replaced", self._service.name, found.known.pid)
        found.end(self._patience.grace_s)
        return None

    def _one_life(self, process: Process | None) -> str | None:
        """To the end of it: how it ended, in words; None when it was off or we leave."""
        if process is None:
            wanted = self._service.prepare()
            if isinstance(wanted, Off):
                self._place.forget()
                self._told(ServiceState.OFF, words=wanted.why, is_expected=wanted.is_expected)
                self._wait(self._patience.rare_s)
                return None
            process = self._held = self._place.begin(wanted, self._clock.now(), self._restarts)
            log.info("service=%s pid=%d begun", self._service.name, process.known.pid)
        self._told(ServiceState.RUNNING, since=process.known.since, pid=process.known.pid)
        while not process.has_ended and not self._leaving.is_set():
            self._look(process.fd)
        self._held = None
        if self._leaving.is_set() and not process.has_ended:
            process.end(self._patience.grace_s)
            self._place.forget()
            return None
        how = process.buried()
        said = self._place.last_words(process.known.log_from)
        return f"{how}: {said}" if said else how

    def _rest(self, words: str) -> None:
        """As long as its history asks for."""
        pause = after(self._lives, self._patience)
        state = ServiceState.FAILED if pause.is_failed else ServiceState.PAUSING
        log.warning("service=%s state=%s pause=%g words=%r", self._service.name, state, pause.seconds, words)
        self._told(state, words=words)
        self._wait(pause.seconds)
        self._restarts += 1

    def _wait(self, seconds: float) -> None:
        until = self._clock.monotonic() + seconds
        while not self._leaving.is_set() and (left := until - self._clock.monotonic()) > 0:
            self._look(None, left)

    def _look(self, process: int | None, most_s: float = LOOK_S) -> None:
        """Files and log first; then wait for an end, a bell, or a few seconds."""
        self._refresh()
        until = self._clock.monotonic() + min(most_s, LOOK_S)
        bell = self._bell.fileno()
        wanted = [fd for fd in (bell, process) if fd is not None]
        while True:
            pause_s = FLOODED_S if process is not None and self._place.bound_log() else LOG_S
            if process is None and bell is not None:
                pause_s = LOOK_S  # where nothing runs nobody writes
            left_s = max(0.0, until - self._clock.monotonic())
            found = ready(wanted, min(left_s, pause_s))
            if found or left_s <= pause_s or self._bell.wait(0.0):
                break
        self._bell.silence()

    def _refresh(self) -> None:
        try:
            self._service.refresh()
        except Exception as error:  # noqa: BLE001 - the service runs all the same; said once
            trouble = str(error)
            if trouble != self._trouble:
                log.warning("service=%s error=%r", self._service.name, trouble)
            self._trouble = trouble

    def _told(
        self,
        state: ServiceState,
        *,
        words: str | None = None,
        since: float | None = None,
        pid: int | None = None,
        is_expected: bool = True,
    ) -> None:
        """Its status, told when it changed. What it said last stays to be read while it runs again."""
        before = self._said
        kept = words if words is not None or before is None else before.words
        remedy = self._service.remedy if state is ServiceState.FAILED else None
        at = self._clock.now() if since is None else since
        status = ServiceStatus(
            self._service.name, state.value, at, self._restarts, pid, kept or None, remedy, is_expected
        )
        if before is None or replace(before, since=at) != status:
            self._said = status
            self._tell(status)


class Services:
    """All of them. ``tell`` gets every service's status, in the table's order, whenever one changes."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        tell: Callable[[tuple[ServiceStatus, ...]], None],
        patience: Patience = USUAL,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._tell = tell
        self._patience = patience
        self._lock = threading.Lock()
        self._states: dict[str, ServiceStatus] = {}
        self._cares: list[tuple[Care, threading.Thread]] = []

    def start(self, table: tuple[Service, ...]) -> None:
        """Returns at once."""
        for service in table:
            place = Place(self._folder, service.name)
            care = Care(service, place, self._clock, self._changed, self._patience)
            name = f"service {service.name}"
            self._cares.append((care, threading.Thread(target=care.run, name=name, daemon=True)))
        for _, thread in self._cares:
            thread.start()

    def wake(self) -> None:
        for care, _ in self._cares:
            care.wake()

    def leave(self, within_s: float = LEAVE_S) -> None:
        """End them all; one that does not end in time goes with the container."""
        until = self._clock.monotonic() + within_s
        for care, _ in self._cares:
            care.leave()
        for _, thread in self._cares:
            thread.join(max(0.0, until - self._clock.monotonic()))

    def _changed(self, status: ServiceStatus) -> None:
        with self._lock:
            self._states[status.name] = status
            self._tell(tuple(self._states.values()))
