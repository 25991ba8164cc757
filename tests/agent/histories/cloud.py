"""RunPod around a pod: it takes, refuses, loses or pretends to take a stop, and tells a pod of itself, or does not.

Under the real clients of the API, by the transport they are given; RunPod's own tool is two more routes.
Not here: what a stop does to the pod (``host``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pod_agent.pod.stop import Route, routes
from pod_wire.errors import Unreachable
from pod_wire.runpod.graphql import GraphqlApi
from pod_wire.runpod.models import Pod as PodSeen
from pod_wire.runpod.models import read_pod
from pod_wire.runpod.pods import PodsApi
from pod_wire.runpod.transport import Answer
from pod_wire.secrets import Secret

if TYPE_CHECKING:
    from tests.agent.histories.host import Pod

WAYS = ("v2", "graphql", "new", "old")
MODES = (
    "works",
    "refused",
    "broken",
    "hangs",
    "lies",
    "mute",
    "busy",
)  # mute: it is done, and nobody is told
KEY, SECOND = Secret("rpa_pod_key"), Secret("rpa_stop_key")
BY = " with the second key"
PATIENT = {"retry-after": "60"}  # of one that is asked too often
URL = "https://runpod.invalid/v2"


class Cloud:
    """What RunPod does for one pod at this moment. ``asked`` is told of every try before anything comes of it."""

    def __init__(self, pod: Pod, asked: Callable[[str, str], None]):
        self._pod = pod
        self._asked = asked
        self.modes: dict[str, str] = dict.fromkeys(WAYS, "works")
        self.by_second: dict[str, str] = {}  # the same with POD_STOP_KEY, where the pod has one
        self.reads = "works"  # refused, hangs

    def ask(self, way: str, sleep: Callable[[float], None], timeout_s: float = 20.0) -> int:
        """The HTTP status, or 0 for no answer."""
        mode = self.by_second[way.removesuffix(BY)] if way.endswith(BY) else self.modes[way]
        self._asked(way, mode)
        if mode in {"works", "mute"}:
            self._pod.stop()
        if mode in {"hangs", "mute"}:
            sleep(timeout_s)
            return 0
        return {"refused": 403, "broken": 500, "busy": 429}.get(mode, 200)

    def is_slow(self) -> bool:
        """Whether a way to stop may wait."""
        return not {"hangs", "mute"}.isdisjoint((*self.modes.values(), *self.by_second.values()))

    def seen(self, sleep: Callable[[float], None], timeout_s: float = 2.0) -> PodSeen | None:
        """The pod, as it may read itself."""
        if self.reads == "hangs":
            sleep(timeout_s)
        if self.reads != "works":
            return None
        return read_pod(
            {"id": self._pod.id, "name": "p", "status": "RUNNING", "startedAt": self._pod.started_at}
        )

    def routes(self, sleep: Callable[[float], None], *, terminate: bool) -> tuple[Route, ...]:
        """The real ones over HTTP, and the tool in both spellings; all of them with each key."""
        found = self._of_key(KEY, "", sleep, terminate=terminate)
        return found + self._of_key(SECOND, BY, sleep, terminate=terminate) if self.by_second else found

    def _of_key(
        self, key: Secret, by: str, sleep: Callable[[float], None], *, terminate: bool
    ) -> tuple[Route, ...]:
        wire = Wire(self, sleep, by)
        clock = self._pod.clock
        made = routes(
            self._pod.id,
            PodsApi(URL, key, wire, 20.0, clock, tries=1),  # as the agent's own ways have it
            GraphqlApi(URL, key, wire, 20.0, clock, tries=1),
            terminate=terminate,
            environment={},
            by=by,
        )
        by_http = tuple(route for route in made if "runpodctl" not in route.name)
        tools = (Route(f"runpodctl ({way}){by}", self._tool(way + by, sleep)) for way in WAYS[2:])
        return (*by_http, *tools)

    def _tool(self, way: str, sleep: Callable[[float], None]) -> Callable[[], None]:
        def call() -> None:
            if self.ask(way, sleep) not in range(200, 300):
                raise Unreachable("exit code 1")

        return call


class Wire:
    """The transport of the real clients."""

    def __init__(self, cloud: Cloud, sleep: Callable[[float], None], by: str):
        self._cloud = cloud
        self._sleep = sleep
        self._by = by

    def send(
        self, _method: str, url: str, _headers: Mapping[str, str], body: bytes | None, timeout_s: float
    ) -> Answer:
        way = "v2" if url.endswith("/action") else "graphql"
        status = self._cloud.ask(way + self._by, self._sleep, timeout_s)
        if not status:
            raise Unreachable("cannot reach RunPod: no answer")
        said: object = None
        if way == "graphql" and status == 200:
            assert body is not None
            said = {"data": {"podStop": {"id": "p", "desiredStatus": "EXITED"}, "podTerminate": None}}
        return Answer(
            status, PATIENT if status == 429 else {}, b"" if said is None else json.dumps(said).encode()
        )
