"""The scribe of a workspace that hangs for a while: nobody waits longer than its limit, and late deeds are done late.

Not here: which deeds (the product's ``folders`` and ``record``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from pod_agent.pod.scribe import LIMIT_S, Hung, Scribe

if TYPE_CHECKING:
    from tests.agent.histories.strands import Process
    from tests.agent.histories.world import World

T = TypeVar("T")


class Quill(Scribe):
    """In the thread of whoever asks: strands take turns, and waiting is virtual."""

    def __init__(self, world: World, process: Process, unread: Callable[[], None]):
        super().__init__()
        self._world = world
        self._unread = unread
        self._process = process
        self._hangs_until: float | None = None

    @property
    def is_stuck(self) -> bool:
        return self._hangs_until is not None and self._world.time.t < self._hangs_until

    def do(self, what: str, act: Callable[[], T]) -> T:
        if self.is_stuck:
            raise Hung(f"cannot {what}: the workspace still does not answer")
        until = self._world.hangs_until
        left = until - self._world.time.t
        if left <= 0:
            return act()
        strand = self._world.time.running
        if strand is None:
            raise Hung(f"cannot {what}: nobody waits here")
        if left < LIMIT_S:
            strand.wait(left)
            return act()
        self._world.time.at(until, lambda: self._process.act(lambda: self._late(act)))
        strand.wait(LIMIT_S)
        self._hangs_until = until
        if what == "read the pod's record":
            self._unread()
        raise Hung(f"cannot {what}: no answer from the workspace within {LIMIT_S:g} s")

    def _late(self, act: Callable[[], object]) -> None:
        """What hung in the kernel goes on when the mount answers again, if its process still lives."""
        try:
            act()
        except Exception as error:  # noqa: BLE001 - nobody waits for it any more
            self._world.say(f"late deed failed: {error}")
