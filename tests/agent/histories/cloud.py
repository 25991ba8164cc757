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
MODES = ("works", "refused", "broken", "hangs", "lies", "mute")  # mute: it is done, and nobody is told
KEY = Secret("rpa_pod_key")
URL = "https://runpod.invalid/v2"


class Cloud:
    """What RunPod does for one pod at this moment. ``asked`` is told of every try before anything comes of it."""

    def __init__(self, pod: Pod, asked: Callable[[str, str], None]):
        self._pod = pod
        self._asked = asked
        self.modes: dict[str, str] = dict.fromkeys(WAYS, "works")
        self.reads = "works"  # refused, hangs

    def ask(self, way: str, sleep: Callable[[float], None], timeout_s: float = 20.0) -> int:
        """The HTTP status, or 0 for no answer."""
        mode = self.modes[way]
        self._asked(way, mode)
        if mode in {"works", "mute"}:
            self._pod.stop()
        if mode in {"hangs", "mute"}:
            sleep(timeout_s)
            return 0
        return {"refused": 403, "broken": 500}.get(mode, 200)

    def is_slow(self) -> bool:
        """Whether a way to stop may wait."""
        return not {"hangs", "mute"}.isdisjoint(self.modes.values())

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
        """The real ones over HTTP, and the tool in both spellings."""
        wire = Wire(self, sleep)
        clock = self._pod.clock
        made = routes(
            self._pod.id,
            PodsApi(URL, KEY, wire, 20.0, clock),
            GraphqlApi(URL, KEY, wire, 20.0, clock),
            terminate=terminate,
            environment={},
        )
        by_http = tuple(route for route in made if "runpodctl" not in route.name)
        return (*by_http, *(Route(f"runpodctl ({way})", self._tool(way, sleep)) for way in WAYS[2:]))

    def _tool(self, way: str, sleep: Callable[[float], None]) -> Callable[[], None]:
        def call() -> None:
            if self.ask(way, sleep) not in range(200, 300):
                raise Unreachable("exit code 1")

        return call


class Wire:
    """The transport of the real clients."""

    def __init__(self, cloud: Cloud, sleep: Callable[[float], None]):
        self._cloud = cloud
        self._sleep = sleep

    def send(
        self, _method: str, url: str, _headers: Mapping[str, str], body: bytes | None, timeout_s: float
    ) -> Answer:
        way = "v2" if url.endswith("/action") else "graphql"
        status = self._cloud.ask(way, self._sleep, timeout_s)
        if not status:
            raise Unreachable("cannot reach RunPod: no answer")
        said: object = None
        if way == "graphql" and status == 200:
            assert body is not None
            said = {"data": {"podStop": {"id": "p", "desiredStatus": "EXITED"}, "podTerminate": None}}
        return Answer(status, {}, b"" if said is None else json.dumps(said).encode())
