"""RunPod's REST v2 API of pods: create, list, get, patch, act, delete. Errors come as the tree of errors.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import quote, urlencode

from pod_wire.errors import Broken
from pod_wire.runpod.calls import TRIES, Caller
from pod_wire.runpod.models import Pod, read_pod

if TYPE_CHECKING:
    import builtins

    from pod_wire.clock import Clock
    from pod_wire.runpod.models import NewPod
    from pod_wire.runpod.transport import Transport
    from pod_wire.secrets import Secret

BASE_URL: Final = "https://api.runpod.io/v2"
Action = Literal["start", "stop", "restart", "terminate"]
_MOST_PAGES: Final = 1000


class PodsApi:
    """The pods of one key. ``base_url`` ends in ``/v2``."""

    def __init__(
        self,
        base_url: str,
        key: Secret,
        transport: Transport,
        timeout_s: float = 20.0,
        clock: Clock | None = None,
        *,
        tries: int = TRIES,
    ) -> None:
        self._pods = base_url.rstrip("/") + "/pods"
        self._caller = Caller(key, transport, timeout_s, clock, tries=tries)

    def create(self, new: NewPod) -> Pod:
        """One POST, never repeated: after Broken or Unreachable look the pod up by its name before another."""
        return read_pod(self._caller.call(f"create pod '{new.name}'", "POST", self._pods, new.to_body()))

    def list(self) -> tuple[Pod, ...]:
        """All pods, over all pages; a pod that moved between two pages is named once."""
        found: dict[str, Pod] = {}
        cursor: str | None = None
        seen: set[str] = set()
        for _ in range(_MOST_PAGES):
            query = f"?{urlencode({'cursor': cursor})}" if cursor else ""
            page = self._caller.call("list the pods", "GET", self._pods + query)
            for pod in _page_pods(page):
                found.setdefault(pod.id, pod)
            cursor = _next_cursor(page)
            if cursor is None:
                return tuple(found.values())
            if cursor in seen:
                break
            seen.add(cursor)
        raise Broken("cannot list the pods: RunPod's pages do not come to an end")

    def get(self, pod_id: str) -> Pod:
        return read_pod(self._caller.call(f"read pod '{pod_id}'", "GET", self._url(pod_id)))

    def patch(self, pod_id: str, changes: Mapping[str, object]) -> Pod:
        """``env`` and ``ports`` are replaced whole. A running pod is reset by this."""
        return read_pod(self._caller.call(f"change pod '{pod_id}'", "PATCH", self._url(pod_id), changes))

    def act(self, pod_id: str, action: Action) -> Pod | None:
        """None after terminate. A 409 to stop means that it is stopped already: Conflict, the caller's to read."""
        url = self._url(pod_id) + "/action"
        answer = self._caller.call(f"{action} pod '{pod_id}'", "POST", url, {"action": action})
        return None if answer is None else read_pod(answer)

    def delete(self, pod_id: str) -> None:
        self._caller.call(f"delete pod '{pod_id}'", "DELETE", self._url(pod_id))

    def _url(self, pod_id: str) -> str:
        return f"{self._pods}/{quote(pod_id, safe='')}"


def _page_pods(page: object) -> builtins.list[Pod]:
    pods = page.get("pods") if isinstance(page, Mapping) else None
    if not isinstance(pods, list):
        raise Broken("cannot list the pods: RunPod's answer holds none")
    return [read_pod(pod) for pod in pods]


def _next_cursor(page: object) -> str | None:
    """The next page's cursor; a short or empty page is not the last one unless it says so."""
    pagination = page.get("pagination") if isinstance(page, Mapping) else None
    if not isinstance(pagination, Mapping) or pagination.get("hasNextPage") is False:
        return None
    cursor = pagination.get("nextCursor")
    return cursor if isinstance(cursor, str) and cursor else None
