"""The supervisor's loop, turned by hand: letters one after another, and what time makes due between them.

In a strand only where a turn may have to wait, as changing threads costs more than a turn does. Not here: the turn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from pod_agent.run import events as e
from pod_agent.run.commands import After, ExitAgent
from pod_agent.run.moves import OPEN_S
from pod_agent.run.supervisor import LONGEST_WAIT_S, Letter, Supervisor
from tests.agent.histories.strands import Process, Time


class Loop:
    """Stands in the place of the mailbox, and of ``Supervisor.run``."""

    def __init__(
        self, time: Time, process: Process, supervisor: Supervisor, may_wait: Callable[[], bool],
        left: Callable[[ExitAgent], None],
    ):  # fmt: skip
        self._time = time
        self._process = process
        self._supervisor = supervisor
        self._may_wait = may_wait
        self._left = left
        self._letters: deque[Letter | None] = deque()
        self._waiting = 0  # which waiting this is: a late alarm turns nothing
        self._is_turning = False
        supervisor._mailbox = self

    def begin(self) -> None:
        """As ``run`` does."""
        event = e.Overdue(self._supervisor.state.serial)
        self._supervisor._carry_out(After(OPEN_S, event), Letter(event))
        self._wait(0.0)

    def put(self, letter: Letter | None) -> None:
        self._letters.append(letter)
        if not self._is_turning:
            self._wait(0.0)

    def _wait(self, seconds: float) -> None:
        self._waiting += 1
        this = self._waiting
        self._time.later(seconds, lambda: self._wake(this))

    def _wake(self, waiting: int) -> None:
        if waiting == self._waiting and not self._is_turning:
            self._is_turning = True
            self._process.begin(self._time, self._turn, self._may_wait)

    def _turn(self) -> None:
        supervisor = self._supervisor
        supervisor.turn(self._letters.popleft() if self._letters else None)
        self._is_turning = False
        if supervisor.exit is not None:
            self._left(supervisor.exit)
        elif self._letters:
            self._wait(0.0)
        else:
            due = supervisor.due_s()
            self._wait(LONGEST_WAIT_S if due is None else min(due, LONGEST_WAIT_S))
