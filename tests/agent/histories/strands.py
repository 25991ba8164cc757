"""Virtual time, and threads of the agent that take turns in it: one runs, until it waits for a moment.

So the real parts keep their blocking loops, and a history is the same each time it is told. Not here: what goes on
in that time (``world``).
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable

from tests.agent.histories.touches import HOOK, Died, Mortal

LONGEST_TURN_S = 60.0  # of the real clock: a turn that takes longer waits for somebody who cannot come


class Time:
    """What happens when. ``t`` is the true time in seconds; every other clock is made of it."""

    def __init__(self):
        self.t = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self.running: Strand | None = None

    def at(self, moment: float, deed: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._due, (max(moment, self.t), self._count, deed))

    def later(self, seconds: float, deed: Callable[[], None]) -> None:
        self.at(self.t + seconds, deed)

    def run(self, until: float) -> None:
        """Everything that is due, in its order."""
        while self._due and self._due[0][0] <= until:
            self.t, _, deed = heapq.heappop(self._due)
            deed()
        self.t = max(self.t, until)


class Process(Mortal):
    """What can be killed: an agent, an entrypoint. Its strands end with it."""

    def __init__(self, name: str, on_death: Callable[[], None] = lambda: None):
        super().__init__()
        self.name = name
        self.on_death = on_death
        self.strands: list[Strand] = []

    def act(self, deed: Callable[[], None]) -> None:
        """A deed of its own that does not wait."""
        if not self.is_alive:
            return
        try:
            with HOOK.of(self):
                deed()
        except Died:
            self.died()

    def begin(self, time: Time, deed: Callable[[], None], may_wait: Callable[[], bool]) -> None:
        """A deed next, in a strand of its own where it may wait."""
        time.later(0.0, lambda: self._begin(time, deed, may_wait))

    def _begin(self, time: Time, deed: Callable[[], None], may_wait: Callable[[], bool]) -> None:
        if self.is_alive and may_wait():
            Strand(time, self, deed)
        else:
            self.act(deed)

    def died(self) -> None:
        if self.is_alive:
            self.is_alive = False
            self.on_death()

    def end(self) -> None:
        """No strand of it goes on."""
        self.is_alive = False
        for strand in list(self.strands):
            strand.unwind()
        self.strands.clear()


class Strand:
    """One thread of a process. ``deed`` calls ``wait`` wherever it would block."""

    def __init__(self, time: Time, process: Process, deed: Callable[[], None]):
        self._time = time
        self.process = process
        self._deed = deed
        self._go, self._back = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._back.acquire()
        self._turn = 0  # which waiting this is: a late alarm wakes nobody
        self._is_over = False
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._main, daemon=True)
        process.strands.append(self)
        self._thread.start()
        time.later(0.0, self.resume)

    def wait(self, seconds: float) -> None:
        """Give way until so many seconds are over."""
        self._turn += 1
        turn = self._turn
        self._time.later(seconds, lambda: self._alarm(turn))
        self._back.release()
        self._go.acquire()
        if not self.process.is_alive:
            raise Died

    def resume(self) -> None:
        """Its turn, until it waits again. Called by the world only."""
        if self._is_over:
            return
        before, self._time.running = self._time.running, self
        with HOOK.of(self.process):
            self._go.release()
            came = self._back.acquire(timeout=LONGEST_TURN_S)
        self._time.running = before
        if not came:
            raise AssertionError(f"a strand of {self.process.name} waits for what never comes")
        if self._fault is not None:
            raise self._fault

    def unwind(self) -> None:
        """Its process is dead: it goes no further than where it waits."""
        if self._time.running is not self:
            self.resume()

    def _alarm(self, turn: int) -> None:
        if turn == self._turn:
            self.resume()

    def _main(self) -> None:
        self._go.acquire()
        try:
            if self.process.is_alive:
                self._deed()
        except Died:
            if self.process.is_alive:
                self.process.is_alive = False
                self._time.later(0.0, self.process.on_death)
        except BaseException as fault:  # noqa: BLE001 - told by the world's own thread
            self._fault = fault
        finally:
            self._is_over = True
            self._back.release()


class TurnLock:
    """A lock for strands: who waits for it gives way."""

    def __init__(self, time: Time):
        self._time = time
        self._is_held = False

    def locked(self) -> bool:
        return self._is_held

    def acquire(self, *, timeout: float = 1e9) -> bool:
        until = self._time.t + timeout
        while self._is_held:
            strand = self._time.running
            if self._time.t >= until or strand is None:
                return False
            strand.wait(min(0.1, until - self._time.t))
        self._is_held = True
        return True

    def release(self) -> None:
        self._is_held = False

    def __enter__(self) -> None:
        assert self.acquire(), "nobody waits here"

    def __exit__(self, *_: object) -> None:
        self.release()
