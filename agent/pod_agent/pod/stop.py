"""How the pod switches itself off: route after route, then again, for ever.

An answer of 200 is not the end: being killed is. So the ladder goes on after every answer, with pauses that double up
to a minute, and begins each round with the next route. Not here: when to stop, whether it will work (``armed``), and
what an agent that comes back goes on with (``stopping``).
"""

from __future__ import annotations

import logging
import subprocess
from typing import TYPE_CHECKING

from pod_wire.errors import Conflict, PodError, Refused, Unreachable
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_wire.clock import Clock
    from pod_wire.runpod.graphql import GraphqlApi
    from pod_wire.runpod.hindrance import Hindrance
    from pod_wire.runpod.pods import PodsApi

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
ROUTE_TIMEOUT_S = 20.0
IN_THE_WAY = 409
TAKEN = "took the request, yet we live"
log = logging.getLogger("podkeep")


@dataclass(frozen=True, slots=True)
class Route:
    """One way to ask. ``ask`` returns when somebody took the request, and raises otherwise."""

    name: str
    ask: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Round:
    """What one round brought: the route that was accepted, if any, and the refusals in words."""

    accepted: str | None
    error: str | None


class StopLadder:
    """Climbed by one thread, until the pod is gone. ``rounds``: those that an earlier agent has climbed."""

    def __init__(
        self,
        routes: tuple[Route, ...],
        clock: Clock,
        tell: Callable[[int, str | None], None],
        before: Callable[[], None] = lambda: None,
        leaving: Callable[[], bool] = lambda: False,
        *,
        keep: Callable[[int], None] = lambda _: None,
        rounds: int = 0,
    ) -> None:
        self._routes = routes
        self._clock = clock
        self._tell = tell
        self._before = before
        self._leaving = leaving
        self._keep = keep
        self.rounds = rounds

    def climb(self) -> Round:
        """One round: the routes in turn until one is accepted."""
        refusals: list[str] = []
        count = len(self._routes)
        for i in range(count):
            route = self._routes[(self.rounds + i) % count]
            try:
                route.ask()
            except Exception as error:  # noqa: BLE001 - whatever a route meets, the next one is tried
                refusals.append(f"{route.name}: {error.message if isinstance(error, PodError) else error}")
                continue
            return Round(route.name, "; ".join(refusals) or None)
        return Round(None, "; ".join(refusals) or "there is no way to stop: no pod id or no key")

    def run(self, is_over: Callable[[], bool] = lambda: False) -> None:
        """Climb for ever, louder each time, but not once we are leaving: that would stop who starts the pod again.

        ``is_over`` is for tests: a pod is never told that it is gone.
        """
        pause_s = FIRST_PAUSE_S
        self._try(lambda: self._keep(self.rounds))
        self._try(self._before)
        while not (is_over() or self._leaving()):
            self._try(
                lambda: self._keep(self.rounds + 1)
            )  # first: what kills us in this round is not asked first in the next
            found = self.climb()
            self.rounds += 1
            self._clock.sleep(pause_s)
            words = found.error if found.accepted is None else f"{found.accepted} {TAKEN}"
            self._try(lambda words=words: self._tell(self.rounds, words))  # type: ignore[misc]
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)

    def _try(self, deed: Callable[[], None]) -> None:
        """What goes beside the ladder costs itself only: a pod that nobody stops bills for ever."""
        try:
            deed()
        except Exception as error:  # noqa: BLE001 - as said
            log.warning("stop=hindered error=%r", str(error))


def routes(
    pod_id: str,
    pods: PodsApi,
    graphql: GraphqlApi,
    *,
    terminate: bool,
    environment: dict[str, str],
    program: str = "runpodctl",
    by: str = "",
) -> tuple[Route, ...]:
    """v2's action, GraphQL, and RunPod's tool in both spellings (pods carry an old build of it). ``by``: whose key."""
    action, old, new = ("terminate", "remove", "delete") if terminate else ("stop", "stop", "stop")

    def by_v2() -> None:
        try:
            pods.act(pod_id, "terminate" if terminate else "stop")
        except Conflict as error:
            found = _in_the_way(pods, pod_id, error)
            if found is not None:
                raise Refused(str(found), status_seen=IN_THE_WAY) from None
            return  # stopped already, or on its way

    def by_graphql() -> None:
        if terminate:
            graphql.terminate(pod_id)
        else:
            graphql.stop(pod_id)

    def by_tool(*words: str) -> Callable[[], None]:
        return lambda: _call((program, *words, pod_id), environment)

    return (
        Route(f"v2 {action}{by}", by_v2),
        Route(f"GraphQL{by}", by_graphql),
        Route(f"{program} pod {new}{by}", by_tool("pod", new)),
        Route(f"{program} {old} pod{by}", by_tool(old, "pod")),
    )


def _in_the_way(pods: PodsApi, pod_id: str, error: Conflict) -> Hindrance | None:
    """Why a stop conflicts with how the pod is: a lock, a cluster; None where it is ended already."""
    from pod_wire.runpod import hindrance  # noqa: PLC0415 - nobody needs it before

    try:
        return hindrance.of(pods.get(pod_id))
    except PodError:
        return hindrance.told(error.message)


def _call(argv: tuple[str, ...], environment: dict[str, str]) -> None:
    done = subprocess.run(
        argv,
        env=environment,
        capture_output=True,
        timeout=ROUTE_TIMEOUT_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        words = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
        raise Unreachable(f"exit code {done.returncode}{': ' + words[-1][:200] if words else ''}")
