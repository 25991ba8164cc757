"""Keep leases: somebody wants the pod for a while, and says why. They end by themselves.

Absolute moments on the container's disk, for the boot in which they were given; spans are counted on the clock that
never jumps, as long as that tells. Not here: what else holds the pod (``judge``).
"""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.pod import scribe
from pod_wire.codec import from_json, to_json
from pod_wire.errors import BadInput
from pod_wire.frozen import dataclass
from pod_wire.routes import FORMAT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pod_wire.clock import Clock
    from pod_wire.idle import KeepAsk

FILE = "keep.json"
MOST = 20  # different reasons at once
NOTICE_S = 60.0
LET_GO = "it was let go, with a minute's notice"
log = logging.getLogger("podkeep")


@dataclass(frozen=True, slots=True)
class Lease:
    """``until`` is of the wall clock, ``over_at`` of the monotonic one."""

    until: float
    over_at: float
    seconds: float
    given_at: float
    because: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """As they lie on the disk."""

    boot: str
    leases: tuple[Lease, ...] = ()
    format: int = FORMAT


def grant(known: tuple[Lease, ...], ask: KeepAsk, now: float, mono: float) -> tuple[Lease, ...]:
    """One more; one with the same reason takes its place. No seconds: all end, with a minute's notice."""
    if ask.seconds <= 0:
        return (Lease(now + NOTICE_S, mono + NOTICE_S, NOTICE_S, now, LET_GO),) if known else ()
    others = tuple(lease for lease in known if lease.because != ask.because)[-(MOST - 1) :]
    return (*others, Lease(now + ask.seconds, mono + ask.seconds, ask.seconds, now, ask.because))


def living(known: tuple[Lease, ...], mono: float) -> tuple[Lease, ...]:
    return tuple(lease for lease in known if lease.over_at > mono)


def again(known: tuple[Lease, ...], now: float, mono: float) -> tuple[Lease, ...]:
    """What an earlier agent of this boot was told. Where its kernel is gone, the wall clock alone tells."""
    return living(tuple(_anew(lease, now, mono) for lease in known), mono)


def _anew(lease: Lease, now: float, mono: float) -> Lease:
    """A clock set forward ends none early, one set back lengthens none."""
    if lease.over_at - mono <= lease.seconds:
        return replace(lease, until=now + lease.over_at - mono)
    left = min(lease.seconds, max(0.0, lease.until - now))
    return replace(lease, over_at=mono + left, until=now + left)


class Leases:
    """The living ones. May be called by any thread; ``changed`` is then told them."""

    def __init__(self, disk_dir: Path, clock: Clock, changed: Callable[[tuple[Lease, ...]], None]) -> None:
        self._path = disk_dir / FILE
        self._clock = clock
        self._changed = changed
        self._lock = threading.Lock()
        self._boot: str | None = None
        self._known: tuple[Lease, ...] = ()

    def booted(self, boot: str) -> None:
        """It is known which boot this is: those given in it stand."""
        with self._lock:
            kept = self._read()
            if kept is not None and kept.boot == boot:
                told = again(kept.leases, self._clock.now(), self._clock.monotonic())
                fresh = {lease.because for lease in self._known}
                self._known = (*(one for one in told if one.because not in fresh), *self._known)
            self._boot = boot
            self._told()

    def ask(self, ask: KeepAsk) -> tuple[Lease, ...]:
        """Give one, or end all; those that stand then."""
        with self._lock:
            mono = self._clock.monotonic()
            self._known = grant(living(self._known, mono), ask, self._clock.now(), mono)
            log.info("keep=%s seconds=%g because=%r", len(self._known), ask.seconds, ask.because)
            self._told()
            return self._known

    @property
    def known(self) -> tuple[Lease, ...]:
        return self._known

    def _told(self) -> None:
        """Told before they are written: a disk may be slow, and meanwhile the pod would be stopped."""
        self._changed(self._known)
        if self._boot is not None:
            self._write(Kept(self._boot, self._known))

    def _read(self) -> Kept | None:
        try:
            return from_json(Kept, self._path.read_bytes())
        except (OSError, BadInput):
            return None

    def _write(self, kept: Kept) -> None:
        """On a full disk they stand in memory, and end with this agent."""
        try:
            scribe.make_folder(self._path.parent)
            scribe.replace(self._path, to_json(kept) + b"\n")
        except OSError as error:
            log.warning("keep=unwritten error=%r", str(error))
