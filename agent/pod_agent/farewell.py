"""Before the pod is gone, whoever watches learns how the job ended. Bounded by seconds: an idle GPU costs money.

Not here: who is owed what (api/followers.py), and the stopping itself (pod/stop.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pod_wire.clock import Clock

OWED_S = 3.0  # for followers, once the agent has to go
SEEN_S = 3.0  # HTTP has been up for so long before the pod is stopped, unless somebody has seen the end
SEEN_LATEST_S = 8.0  # also where HTTP never comes up


class Server(Protocol):
    """What is asked of the HTTP server."""

    def owed(self) -> bool: ...

    def status_read_since(self, moment: float) -> bool: ...

    def is_awaited(self) -> bool: ...

    def followed_since(self, moment: float) -> bool: ...

    def finish(self) -> None: ...

    def stop(self, timeout_s: float) -> None: ...


class Farewell:
    """``opened`` by the thread that serves; the rest is called by whoever ends things."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._opened: tuple[Server, float] | None = None

    def opened(self, server: Server) -> None:
        """HTTP answers from now on."""
        self._opened = (server, self._clock.monotonic())

    @property
    def opened_at(self) -> float | None:
        """When HTTP came up, monotonic; None before that."""
        return self._opened[1] if self._opened is not None else None

    def followed_since(self, moment: float) -> bool:
        """Whether anybody has followed a log or asked how it stands after this moment."""
        return self._opened is not None and self._opened[0].followed_since(moment)

    def let_be_seen(self) -> None:
        """Whoever started a short job, and whoever keeps looking at a long one, gets a moment to learn its end."""
        began = self._clock.monotonic()
        while self._clock.monotonic() - began < SEEN_LATEST_S and not self._was_seen(began):
            self._clock.sleep(0.02)

    def _was_seen(self, began: float) -> bool:
        if self._opened is None:
            return False
        server, since = self._opened
        now = self._clock.monotonic()
        if server.is_awaited() and now - began < SEEN_S:
            return False
        return server.status_read_since(began) or now - since >= SEEN_S

    def leave(self, owed_s: float = OWED_S) -> None:
        """Followers get the rest and the final status, then HTTP ends."""
        if self._opened is None:
            return
        server, _ = self._opened
        server.finish()
        until = self._clock.monotonic() + owed_s
        while server.owed() and self._clock.monotonic() < until:
            self._clock.sleep(0.02)
        server.stop(0.5)
