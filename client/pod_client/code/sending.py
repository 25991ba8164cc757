"""Sends a tree to the pod that waits for it, in pieces: goes on where it was, whoever sent what is there.

A proxy that cuts, a pod that restarts and another sender cost what was on its way, and no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_client.receipt import seconds, size
from pod_wire.errors import Broken, Conflict, NotFound, PodError, RateLimited, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_client.agent_api import AgentApi, TreeState
    from pod_client.code.packing import Packed
    from pod_client.screen import Screen
    from pod_wire.clock import Clock

PIECE = 8_000_000  # bytes: at 100 kB/s within the proxy's hundred seconds
GIVE_UP_S = 600.0  # without a byte that arrived
UNKNOWN_S = 60.0  # a pod that has just started may not know its job yet
SAY_S = 10.0
FIRST_S, LONGEST_S = 0.25, 10.0  # pauses after trouble
MOST_RESTARTS = 3


class Sending:
    """One tree on its way to one pod."""

    def __init__(  # noqa: PLR0917 - the last two are seldom given
        self,
        agent: AgentApi,
        tree: Packed,
        screen: Screen,
        clock: Clock,
        gone: Callable[[], str | None] = lambda: None,
        piece: int = PIECE,
    ) -> None:
        self._gone = gone
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
        there: int | None = None  # before we began
        state: TreeState | None = None
        pause = FIRST_S
        while True:
            try:
                state = state or self._agent.tree(self._tree.digest)
                there = (self._tree.size if state.whole else state.have) if there is None else there
                if state.whole:
                    break
                pause = FIRST_S if self._note(state) else pause
                state = self._put(state.have)
            except (Conflict, NotFound, Unreachable, Broken, RateLimited) as error:
                state = None
                self._bear(error)
                self._clock.sleep(pause)
                pause = min(pause * 2, LONGEST_S)
            now = self._clock.monotonic()
            if now - said_at >= SAY_S:
                said_at = now
                self._screen.note(f"{size(self._most)} of {size(self._tree.size)} are on the pod")
        sent = self._tree.size - there
        if not sent:
            self._screen.step("the pod has this code already: nothing was sent")
            return
        self._screen.step(f"sent the code, {size(sent)} in {seconds(self._clock.monotonic() - began)}")

    def _put(self, offset: int) -> TreeState:
        """The next piece. An answer without trouble is none when nothing has arrived."""
        data = self._tree.read(offset, self._piece)
        state = self._agent.put_piece(self._tree.digest, data, offset, self._tree.size)
        if not state.whole and state.have <= offset:
            raise Unreachable(
                "cannot send the code: the pod answers, and nothing arrives",
                "something on the way drops it: try another network, or push it and name a git repository",
            )
        return state

    def _note(self, state: TreeState) -> bool:
        """Whether anything has arrived since the last look. One that begins anew too often is given up."""
        is_more = state.have > self._most
        if is_more:
            self._most, self._arrived_at = state.have, self._clock.monotonic()
        elif state.have == 0 and self._most:
            self._restarts += 1
            self._most = 0
        if self._restarts > MOST_RESTARTS:
            raise PodError(
                "cannot send the code: it arrives damaged, again and again",
                "try again; another network may do",
            )
        return is_more

    def _bear(self, error: PodError) -> None:
        """Most trouble passes; what lasts is raised, and a pod that is no more is not waited for."""
        reason = self._gone() if isinstance(error, Unreachable) else None
        if reason is not None:
            raise Conflict(f"cannot send the code: {reason}", "start the job again: pod-client up --tree")
        patience = UNKNOWN_S if isinstance(error, NotFound) else GIVE_UP_S
        if self._clock.monotonic() - self._arrived_at > patience:
            raise error
