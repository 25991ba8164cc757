"""What a wait for a pod has seen so far, and when it last spoke. It asks nobody and decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_client.receipt import dollars, seconds

if TYPE_CHECKING:
    from pod_client.screen import Screen
    from pod_wire.runpod.models import Pod


class Watch:
    """What a wait has seen so far, and when it last spoke."""

    def __init__(self, screen: Screen, say_s: float, *, seen_up: bool) -> None:
        self._screen = screen
        self._say_s = say_s
        self._last = ""
        self._said_at = 0.0
        self.missing = 0
        self.seen_up = seen_up  # before that, EXITED is only where a stopped pod begins

    def tell(self, pod: Pod | None, age: float) -> None:
        """A line when something changed, and now and then when nothing does."""
        if pod is None:
            return
        words = {"RUNNING": "running; waiting for its agent"}.get(pod.status, pod.status.lower())
        if pod.status != self._last:
            self._screen.step(f"pod {pod.id} is {words}")
        elif age - self._said_at >= self._say_s:
            price = f", billed at {dollars(pod.cost)}/h" if pod.cost else ""
            self._screen.note(f"still {words} after {seconds(age)}{price}")
        else:
            return
        self._last = pod.status
        self._said_at = age
