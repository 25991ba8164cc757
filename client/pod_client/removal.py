"""Ending what bills, and believing it only when the provider says so: removing a pod, stopping a pod.

What cannot be confirmed in time is named, with the command that ends it. Nothing here raises a PodError.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pod_wire.errors import Conflict, NotFound, PodError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_client.screen import Screen
    from pod_wire.clock import Clock
    from pod_wire.runpod.pods import PodsApi

CONFIRM_S = 60.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class Removal:
    """What ends a pod's bill."""

    _pods: PodsApi
    _screen: Screen
    _clock: Clock

    def remove(self, pod_id: str) -> bool:
        """Remove, and wait until the provider no longer lists it."""
        self._screen.step(f"removing pod {pod_id}")
        return self._insist(
            lambda: self._pods.delete(pod_id),
            lambda: self._is_gone(pod_id),
            f"pod {pod_id} is removed; nothing of it is billed any more",
            f"cannot confirm that pod {pod_id} is removed: it may still be billed. "
            f"End it with: pod-client rm {pod_id}",
        )

    def stop(self, pod_id: str) -> bool:
        """Stop, and wait until the provider says EXITED."""
        self._screen.step(f"stopping pod {pod_id}")
        return self._insist(
            lambda: self._stop_once(pod_id),
            lambda: self._pods.get(pod_id).status in {"EXITED", "TERMINATED"},
            f"pod {pod_id} is stopped; its GPU is no longer billed, its disk is: pod-client rm {pod_id} ends that",
            f"cannot confirm that pod {pod_id} is stopped: it may still be billed. "
            f"End it with: pod-client stop {pod_id}",
        )

    def _stop_once(self, pod_id: str) -> None:
        try:
            self._pods.act(pod_id, "stop")
        except Conflict:  # stopped already, or on its way; the next look tells
            return

    def _is_gone(self, pod_id: str) -> bool:
        """DELETE's or GET's 404 alone is no proof: the list must be without it too."""
        try:
            if self._pods.get(pod_id).status != "TERMINATED":
                return False
        except NotFound:
            pass  # what we want; the list has the last word
        return all(pod.id != pod_id or pod.status == "TERMINATED" for pod in self._pods.list())

    def _insist(self, act: Callable[[], object], is_done: Callable[[], bool], done: str, undone: str) -> bool:
        until = self._clock.monotonic() + CONFIRM_S
        pause = FIRST_PAUSE_S
        try:
            while self._clock.monotonic() < until:
                if _tried(act) and _tried(is_done):
                    self._screen.money(done)
                    return True
                self._clock.sleep(pause)
                pause = min(pause * 1.5, LONGEST_PAUSE_S)
        except KeyboardInterrupt:
            self._screen.warn(undone)
            raise
        self._screen.warn(undone)
        return False


def _tried(act: Callable[[], object]) -> bool:
    """True when it worked; what is gone already, worked."""
    try:
        return act() is not False
    except NotFound:
        return True
    except PodError:
        return False
