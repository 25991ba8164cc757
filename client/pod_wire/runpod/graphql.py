"""RunPod's GraphQL, deprecated: only what a pod needs as a second way to stop itself, and its price."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pod_wire.errors import Broken, NotFound
from pod_wire.runpod.calls import Caller

if TYPE_CHECKING:
    from pod_wire.clock import Clock
    from pod_wire.runpod.transport import Transport
    from pod_wire.secrets import Secret

_STOP: Final = "mutation($input: PodStopInput!) { podStop(input: $input) { id desiredStatus } }"
_TERMINATE: Final = "mutation($input: PodTerminateInput!) { podTerminate(input: $input) }"
_COST: Final = "query($input: PodFilter) { pod(input: $input) { id costPerHr } }"


def graphql_url(base_url: str) -> str:
    """GraphQL's address beside a v2 base URL: the same origin, ``/graphql``."""
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc}/graphql"


class GraphqlApi:
    """Values travel as variables, never inside the query's text."""

    def __init__(
        self, url: str, key: Secret, transport: Transport, timeout_s: float = 20.0, clock: Clock | None = None
    ) -> None:
        self._url = url
        self._caller = Caller(key, transport, timeout_s, clock)

    def stop(self, pod_id: str) -> None:
        """Returns when RunPod took the request; being killed is the only proof."""
        data = self._ask(f"stop pod '{pod_id}' by GraphQL", _STOP, pod_id)
        if data.get("podStop") is None:
            raise NotFound(f"cannot stop pod '{pod_id}' by GraphQL: there is no such pod")

    def terminate(self, pod_id: str) -> None:
        """The answer is empty on success, so that only ``errors`` tells of a failure."""
        self._ask(f"terminate pod '{pod_id}' by GraphQL", _TERMINATE, pod_id)

    def pod_cost(self, pod_id: str) -> float | None:
        """Dollars per hour; None where RunPod does not say."""
        pod = self._ask(f"read the price of pod '{pod_id}'", _COST, pod_id).get("pod")
        cost = pod.get("costPerHr") if isinstance(pod, Mapping) else None
        return float(cost) if isinstance(cost, (int, float)) and not isinstance(cost, bool) else None

    def _ask(self, what: str, query: str, pod_id: str) -> Mapping[str, object]:
        body = {"query": query, "variables": {"input": {"podId": pod_id}}}
        answer = self._caller.call(what, "POST", self._url, body)
        if not isinstance(answer, Mapping):
            raise Broken(f"cannot {what}: the answer is no object")
        if answer.get("errors"):
            raise Broken(f"cannot {what}: {_first_message(answer['errors'])}")
        data = answer.get("data")
        if not isinstance(data, Mapping):
            raise Broken(f"cannot {what}: the answer holds no data")
        return data


def _first_message(errors: object) -> str:
    first = errors[0] if isinstance(errors, list) and errors else errors
    message = first.get("message") if isinstance(first, Mapping) else None
    return message[:300] if isinstance(message, str) else "RunPod names no reason"
