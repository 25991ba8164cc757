"""The idle brake of a life in virtual time: the real one but for its thread, and what it sees is quiet, or people.

Not here: how often it looks (``life``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.pod.idle.raw import Card, Connection, GpuReading, Kernels, Raw, Roles
from pod_agent.pod.idle.raw import Process as Seen
from pod_agent.pod.idle.watch import Watch
from pod_agent.run.idling import Idling
from tests.agent.histories.account import UNUSED_S

if TYPE_CHECKING:
    from pod_agent.pod.idle.memory import Memory

QUIET = GpuReading((Card(0.0, 0, 0),))


class HandIdling(Idling):
    """The idle brake of this life without its thread, and what it looks at is quiet, or people who type."""

    def _made(self, memory: Memory) -> Watch:
        made = HandWatch.__new__(HandWatch)
        settings = self._settings
        Watch.__init__(
            made,
            settings.run_dir,
            self._clock,
            Place(self._clock._pod),
            memory,
            boot=lambda: self._boot,
            roles=Roles,
            is_resting=self._is_resting,
            minutes=lambda: settings.idle_minutes,
            left_s=self._supervisor.idle_left_s,
            publish=self._publish,
            notice=self._notice,
        )
        return made


class HandWatch(Watch):
    """Looked through by hand."""

    def run(self) -> None:
        return


class Place:
    """What the brake sees."""

    def __init__(self, pod):
        self._pod = pod
        self._typed = 0.0
        self._has_looked = False

    def look(self, at: float, wall: float, _roles: Roles, *, is_resting: bool) -> Raw:
        world = self._pod.world
        account = world.watch.of(self._pod)
        if not self._has_looked:  # what needs two looks is unknown again, and that counts as use
            self._has_looked, account.unused_s = True, min(account.unused_s, UNUSED_S / 2)
        if world.people_until > world.time.t:
            self._typed, account.people_at = wall, world.time.t
        return Raw(
            at=at,
            is_resting=is_resting,
            processes=(Seen(1, 0, "tini", 1, 0),),
            gpus=QUIET,
            terminals={"pts/0": self._typed},
            traffic=0,
            connections=dict[str, Connection](),
            kernels=Kernels(),
            wall=wall,
        )

    def tell(self, _text: str) -> None:
        return
