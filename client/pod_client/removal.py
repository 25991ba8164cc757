"""Ending what bills, and believing it only when the provider says so: removing a pod, stopping a pod.

What cannot be confirmed in time is named, with the reason and the command that ends it. Nothing here raises a PodError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_wire.errors import Conflict, NotFound, PodError, Refused
from pod_wire.frozen import dataclass
from pod_wire.runpod import hindrance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pod_client.screen import Screen
    from pod_wire.clock import Clock
    from pod_wire.runpod.pods import PodsApi

CONFIRM_S = 60.0
ABSENT_S = 10.0  # a new pod may read 404 for a while: so long must it be missing where no DELETE was accepted
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 1.0
STOPPED = ("EXITED", "TERMINATED")
_FORBIDDEN = 403


@dataclass(frozen=True, slots=True)
class Removal:
    """What ends a pod's bill."""

    _pods: PodsApi
    _screen: Screen
    _clock: Clock

    def remove(self, pod_id: str, *, is_new: bool = False) -> bool:
        """Remove, and wait until the provider no longer lists it. ``is_new``: a 404 does not prove that it is gone."""
        absence = _Absence(self._pods, pod_id, self._clock, ABSENT_S if is_new else 0.0)
        return self._insist(
            f"removing pod {pod_id}",
            absence.delete,
            absence.is_proved,
            f"pod {pod_id} is removed; nothing of it is billed any more",
            f"cannot confirm that pod {pod_id} is removed: it may still be billed. "
            f"End it with: pod-client rm {pod_id}",
        )

    def stop(self, pod_id: str) -> bool:
        """Stop, and wait until the provider says EXITED."""
        return self._insist(
            f"stopping pod {pod_id}",
            lambda: self._stop_once(pod_id),
            lambda: self._is_stopped(pod_id),
            f"pod {pod_id} is stopped; its GPU is no longer billed, its disk is: pod-client rm {pod_id} ends that",
            f"cannot confirm that pod {pod_id} is stopped: it may still be billed. "
            f"End it with: pod-client stop {pod_id}",
        )

    def put_back(self, pod_id: str, env: Mapping[str, str]) -> None:
        """A stopped pod's environment as it was: a later start must not run our job. A running one would be reset."""
        try:
            if self._pods.get(pod_id).status == "EXITED":
                self._pods.patch(pod_id, {"env": dict(env)})
        except PodError as error:
            self._screen.warn(f"pod {pod_id} keeps the environment of this job: {error.message}")

    def _stop_once(self, pod_id: str) -> None:
        try:
            self._pods.act(pod_id, "stop")
        except NotFound:
            return
        except Conflict:  # stopped already, or on its way, or locked
            found = hindrance.of(self._pods.get(pod_id))
            if found is not None:
                words, remedy = f"cannot stop pod {pod_id}: it {found.words}", found.remedy
                raise Refused(words, remedy, status_seen=409) from None

    def _is_stopped(self, pod_id: str) -> bool:
        try:
            return self._pods.get(pod_id).status in STOPPED
        except NotFound:
            return True

    def _insist(
        self, what: str, act: Callable[[], None], is_done: Callable[[], bool], done: str, undone: str
    ) -> bool:
        until = self._clock.monotonic() + CONFIRM_S
        pause = FIRST_PAUSE_S
        trouble: PodError | None = None
        try:
            self._screen.step(what)
            while self._clock.monotonic() < until and not _is_hopeless(trouble):
                try:
                    act()
                    if is_done():
                        self._screen.money(done)
                        return True
                    trouble = None
                except PodError as error:
                    trouble = error
                self._clock.sleep(pause)
                pause = min(pause * 1.5, LONGEST_PAUSE_S)
        except KeyboardInterrupt:
            self._screen.warn(undone)
            raise
        self._screen.warn(undone if trouble is None else f"{undone}\n{trouble.message}")
        if trouble is not None and trouble.hint:
            self._screen.note(f"-> {trouble.hint}")
        return False


class _Absence:
    """Removing one pod, and the proof that it is gone: accepted by DELETE, or missing for long enough."""

    def __init__(self, pods: PodsApi, pod_id: str, clock: Clock, missing_s: float) -> None:
        self._pods = pods
        self._pod_id = pod_id
        self._clock = clock
        self._missing_s = missing_s
        self._since: float | None = None

    def delete(self) -> None:
        try:
            self._pods.delete(self._pod_id)
        except NotFound:
            return
        self._missing_s = 0.0  # it was there, and was accepted

    def is_proved(self) -> bool:
        if not self._is_missing():
            self._since = None
            return False
        now = self._clock.monotonic()
        self._since = now if self._since is None else self._since
        return now - self._since >= self._missing_s

    def _is_missing(self) -> bool:
        """GET's 404 alone is no proof: the list must be without it too."""
        try:
            if self._pods.get(self._pod_id).status != "TERMINATED":
                return False
        except NotFound:
            pass  # what we want; the list has the last word
        return all(pod.id != self._pod_id or pod.status == "TERMINATED" for pod in self._pods.list())


def _is_hopeless(trouble: PodError | None) -> bool:
    """A key that is not known, a pod that is locked: asking again changes nothing."""
    return isinstance(trouble, Refused) and trouble.status_seen != _FORBIDDEN
