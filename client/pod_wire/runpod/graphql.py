"""RunPod's GraphQL, deprecated: only what a pod needs as a second way to stop itself, and prices, keyless ones too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pod_wire.errors import Broken, NotFound
from pod_wire.frozen import dataclass
from pod_wire.runpod.answers import error_of, is_good
from pod_wire.runpod.calls import TRIES, Caller

if TYPE_CHECKING:
    from pod_wire.clock import Clock
    from pod_wire.runpod.transport import Transport
    from pod_wire.secrets import Secret

_STOP: Final = "mutation($input: PodStopInput!) { podStop(input: $input) { id desiredStatus } }"
_TERMINATE: Final = "mutation($input: PodTerminateInput!) { podTerminate(input: $input) }"
_COST: Final = "query($input: PodFilter) { pod(input: $input) { id costPerHr } }"
_PRICES: Final = "query { gpuTypes { id displayName securePrice communityPrice } }"


@dataclass(frozen=True, slots=True)
class GpuPrice:
    """One kind of GPU: dollars per hour for one of it, None where that cloud has none."""

    id: str
    name: str
    secure: float | None
    community: float | None


def gpu_prices(url: str, transport: Transport, timeout_s: float = 20.0) -> tuple[GpuPrice, ...]:
    """What RunPod lists, asked without a key; a GPU that it describes in another way is left out."""
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    answer = transport.send("POST", url, headers, json.dumps({"query": _PRICES}).encode("ascii"), timeout_s)
    what = "read the prices of GPUs"
    if not is_good(answer.status):
        raise error_of(what, answer)
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise Broken(f"cannot {what}: RunPod's answer is not JSON (HTTP {answer.status})") from None
    kinds = _data(what, document).get("gpuTypes")
    if not isinstance(kinds, list):
        raise Broken(f"cannot {what}: the answer holds no list")
    found = [_gpu_price(kind) for kind in kinds if isinstance(kind, Mapping)]
    return tuple(price for price in found if price is not None)


def _gpu_price(kind: Mapping[str, object]) -> GpuPrice | None:
    name, shown = kind.get("id"), kind.get("displayName")
    if not isinstance(name, str):
        return None
    costs = (_dollars(kind.get("securePrice")), _dollars(kind.get("communityPrice")))
    return GpuPrice(name, shown if isinstance(shown, str) else name, *costs)


def _dollars(value: object) -> float | None:
    """A positive number; 0 is RunPod's word for none."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and isinstance(value, (int, float)) and value > 0 else None


def graphql_url(base_url: str) -> str:
    """GraphQL's address beside a v2 base URL: the same origin, ``/graphql``."""
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc}/graphql"


class GraphqlApi:
    """Values travel as variables, never inside the query's text."""

    def __init__(
        self,
        url: str,
        key: Secret,
        transport: Transport,
        timeout_s: float = 20.0,
        clock: Clock | None = None,
        *,
        tries: int = TRIES,
    ) -> None:
        self._url = url
        self._caller = Caller(key, transport, timeout_s, clock, tries=tries)

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
        return _data(what, answer)


def _data(what: str, answer: object) -> Mapping[str, object]:
    """The answer's data; RunPod says most of its errors with HTTP 200."""
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
