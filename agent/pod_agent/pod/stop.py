"""How the pod switches itself off: route after route, then again, for ever.

An answer of 200 is not the end: being killed is. So the ladder goes on after every answer, with pauses that double up
to a minute, and begins each round with the next route. Not here: when to stop, and whether it will work (``armed``).
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pod_wire.errors import Conflict, PodError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_wire.clock import Clock
    from pod_wire.runpod.graphql import GraphqlApi
    from pod_wire.runpod.pods import PodsApi

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
ROUTE_TIMEOUT_S = 20.0


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
    """Climbed by one thread, until the pod is gone."""

    def __init__(
        self,
        routes: tuple[Route, ...],
        clock: Clock,
        tell: Callable[[int, str | None], None],
        before: Callable[[], None] = lambda: None,
        leaving: Callable[[], bool] = lambda: False,
    ) -> None:
        self._routes = routes
        self._clock = clock
        self._tell = tell
        self._before = before
        self._leaving = leaving
        self.rounds = 0

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
        self._before()
        while not (is_over() or self._leaving()):
            found = self.climb()
            self.rounds += 1
            self._clock.sleep(pause_s)
            words = (
                found.error if found.accepted is None else f"{found.accepted} took the request, yet we live"
            )
            self._tell(self.rounds, words)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)


def routes(
    pod_id: str,
    pods: PodsApi,
    graphql: GraphqlApi,
    *,
    terminate: bool,
    environment: dict[str, str],
    program: str = "runpodctl",
) -> tuple[Route, ...]:
    """v2's action, GraphQL, and RunPod's tool in both spellings (pods carry an old build of it)."""
    action, old, new = ("terminate", "remove", "delete") if terminate else ("stop", "stop", "stop")

    def by_v2() -> None:
        try:
            pods.act(pod_id, "terminate" if terminate else "stop")
        except Conflict:
            return  # stopped already, or on its way

    def by_graphql() -> None:
        if terminate:
            graphql.terminate(pod_id)
        else:
            graphql.stop(pod_id)

    def by_tool(*words: str) -> Callable[[], None]:
        return lambda: _call((program, *words, pod_id), environment)

    return (
        Route(f"v2 {action}", by_v2),
        Route("GraphQL", by_graphql),
        Route(f"{program} pod {new}", by_tool("pod", new)),
        Route(f"{program} {old} pod", by_tool(old, "pod")),
    )


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
