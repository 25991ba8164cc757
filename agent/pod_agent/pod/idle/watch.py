"""The thread of the idle brake: looks, folds, publishes, and says a minute before that the pod will stop.

It stops nothing: the supervisor does, by the verdict on what is published. Not here: the rules (``fold``, ``judge``).
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from pod_agent.pod.idle import kept, measure
from pod_agent.pod.idle.fold import fold
from pod_agent.pod.idle.judge import NOTICE_S
from pod_agent.pod.idle.signs import MINUTE_S

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pod_agent.pod.idle.memory import Memory
    from pod_agent.pod.idle.raw import Roles
    from pod_agent.pod.idle.sources import Sources
    from pod_wire.clock import Clock

RESTING_S, BUSY_S = 10.0, 45.0  # between two looks, without a job and with one
SECOND_S = 1.5  # after the first look of an agent: rates need two
LEAST_S = 1.0
SHARE = 300.0  # a look that takes long is taken more rarely
KEEP_S = 30.0
log = logging.getLogger("podkeep")


class Watch:
    """``run`` is a thread's; the rest may be called by any. ``memory``: what earlier agents of this boot saw."""

    def __init__(
        self,
        run_dir: Path,
        clock: Clock,
        sources: Sources,
        memory: Memory,
        *,
        boot: Callable[[], str | None],
        roles: Callable[[], Roles],
        is_resting: Callable[[], bool],
        minutes: Callable[[], float],
        left_s: Callable[[], float | None],
        publish: Callable[[Memory], None],
        notice: Callable[[float], str],
        noticed: Callable[[float, str], None] = lambda _left, _text: None,
        stays: Callable[[], None] = lambda: None,
    ) -> None:
        self._run_dir = run_dir
        self._clock = clock
        self._sources = sources
        self._memory = memory
        self._boot = boot
        self._roles = roles
        self._is_resting = is_resting
        self._minutes = minutes
        self._left_s = left_s
        self._publish = publish
        self._notice = notice
        self._noticed = noticed
        self._stays = stays
        self._lock = threading.Lock()
        self._looks = measure.Looks()
        self._kept_at: float | None = None
        self._is_told = False
        self._bell = threading.Event()
        self._over = threading.Event()

    def remember(self, memory: Memory) -> None:
        """What was known before us is found only now."""
        with self._lock:
            self._memory = memory

    def wake(self) -> None:
        """Something has changed: look now."""
        self._bell.set()

    def leave(self) -> None:
        self._over.set()
        self._bell.set()

    def run(self) -> None:
        """Until we leave."""
        pause = 0.0
        while not self._over.is_set():
            self._bell.wait(pause)
            self._bell.clear()
            began = time.thread_time()
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - a thread's top: what is not looked at becomes unknown
                log.warning("idle=unlooked error=%r", str(error))
            pause = self.pause(time.thread_time() - began)

    def look(self) -> None:
        """Once."""
        is_resting = self._is_resting()
        now, mono = self._clock.now(), self._clock.monotonic()
        raw = self._sources.look(mono, now, self._roles(), is_resting=is_resting)
        with self._lock:
            sample = measure.sample(self._looks, raw)
            self._memory = memory = fold(self._memory, sample, self._minutes() * MINUTE_S)
            self._keep(raw.at)
        self._looks = self._looks.then(raw)
        self._publish(memory)
        self._say()

    def pause(self, spent_s: float = 0.0) -> float:
        """Soon after the first look; then rarely, and at the moments of the notice and of the stop."""
        if not self._looks.can_tell_rates:
            return SECOND_S
        usual = max(RESTING_S if self._is_resting() else BUSY_S, min(BUSY_S, SHARE * spent_s))
        left = self._left_s()
        if left is None:
            return usual
        until = left - NOTICE_S if left > NOTICE_S else left
        return max(LEAST_S, min(usual, until))

    def _keep(self, at: float) -> None:
        boot = self._boot()
        if boot is not None and (self._kept_at is None or at - self._kept_at >= KEEP_S):
            self._kept_at = at
            kept.write(self._run_dir, boot, self._memory)

    def _say(self) -> None:
        """Once, a minute before the stop; again only if it was put off meanwhile."""
        left = self._left_s()
        if left is None or left > NOTICE_S:
            if self._is_told:
                self._stays()
            self._is_told = False
        elif not self._is_told:
            self._is_told = True
            text = self._notice(left)
            log.warning("%s", text)
            self._sources.tell(text)
            self._noticed(left, text)
