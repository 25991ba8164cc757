"""What the routes share. Made by the server, closed by it; knows nothing of HTTP."""

from __future__ import annotations

import time
from dataclasses import field
from typing import TYPE_CHECKING

from pod_agent.api.desk import Desk
from pod_agent.api.followers import Followers
from pod_agent.api.shared import Shared
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pod_agent.api.parts import Parts
    from pod_wire.checkpoints import CheckpointList
    from pod_wire.receipt import Receipt

_READERS = 8  # a hung mount takes one of these per request, and nothing else
_ASKERS = 4


@dataclass(frozen=True, slots=True)
class House:
    """The parts, threads that read files, threads that wait for the run's answers, one that lists, and who follows."""

    parts: Parts
    readers: Desk = field(default_factory=lambda: Desk("api-read", _READERS))
    askers: Desk = field(default_factory=lambda: Desk("api-ask", _ASKERS))
    lister: Shared[CheckpointList] = field(default_factory=lambda: Shared("api-list"))
    teller: Shared[Receipt | None] = field(default_factory=lambda: Shared("api-tell"))
    followers: Followers = field(default_factory=lambda: Followers(time.monotonic))

    def close(self) -> None:
        """Let the threads end."""
        self.readers.close()
        self.askers.close()
        self.lister.close()
        self.teller.close()
