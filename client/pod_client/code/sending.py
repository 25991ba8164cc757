"""Sends a tree to the pod that waits for it, in pieces: goes on where it was, whoever sent what is there.

A proxy that cuts, a pod that restarts and another sender cost what was on its way, and no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_client.receipt import seconds, size
from pod_wire.errors import Broken, Conflict, NotFound, PodError, RateLimited, Unreachable

if TYPE_CHECKING:
    from pod_client.agent_api import AgentApi, TreeState
    from pod_client.code.packing import Packed
    from pod_client.screen import Screen
    from pod_wire.clock import Clock

PIECE = 8_000_000  # bytes: at 100 kB/s within the proxy's hundred seconds
GIVE_UP_S = 600.0  # without a byte that arrived
UNKNOWN_S = 60.0  # a pod that has just started may not know its job yet
SAY_S = 10.0
LONGEST_S = 10.0
MOST_RESTARTS = 3


class Sending:
    """One tree on its way to one pod."""

    def __init__(
        self, agent: AgentApi, tree: Packed, screen: Screen, clock: Clock, piece: int = PIECE
    ) -> None:
        self._agent = agent
        self._tree = tree
        self._screen = screen
        self._clock = clock
        self._piece = piece
        self._arrived_at = clock.monotonic()
        self._most = 0
        self._restarts = 0

    def send(self) -> None:
        """Returns when the tree is there, checked by the pod. Raises when it cannot come there."""
        began = said_at = self._clock.monotonic()
        sent = 0
        state: TreeState | None = None
        pause = 0.25
        while True:
            try:
                state = state or self._agent.tree(self._tree.digest)
                if state.whole:
                    break
                self._note(state)
                data = self._tree.read(state.have, self._piece)
                state = self._agent.put_piece(self._tree.digest, data, state.have, self._tree.size)
                sent += len(data)
                pause = 0.25
            except (Conflict, NotFound, Unreachable, Broken, RateLimited) as error:
                state = None
                self._bear(error)
                self._clock.sleep(pause)
                pause = min(pause * 2, LONGEST_S)
            now = self._clock.monotonic()
            if now - said_at >= SAY_S:
                said_at = now
                self._screen.note(f"{size(self._most)} of {size(self._tree.size)} are on the pod")
        if not sent:
            self._screen.step("the pod has this code already: nothing was sent")
            return
        self._screen.step(f"sent the code, {size(sent)} in {seconds(self._clock.monotonic() - began)}")

    def _note(self, state: TreeState) -> None:
        if state.have > self._most or state.have == 0:
            if state.have < self._most:
                self._restarts += 1
            self._arrived_at = self._clock.monotonic() if state.have > self._most else self._arrived_at
            self._most = max(self._most, state.have)
        if self._restarts > MOST_RESTARTS:
            raise PodError(
                "cannot send the code: it arrives damaged, again and again",
                "try again; another network may do",
            )

    def _bear(self, error: PodError) -> None:
        """Most trouble passes; what lasts is raised."""
        patience = UNKNOWN_S if isinstance(error, NotFound) else GIVE_UP_S
        if self._clock.monotonic() - self._arrived_at > patience:
            raise error
