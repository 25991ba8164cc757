"""This pod before RunPod: its own key, its own id, and what can be done with them. Imports the wire when it is needed.

Not here: when to look or to stop.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.pod.armed import SECOND, Armed, check, of_both
from pod_agent.pod.stop import Route, routes

if TYPE_CHECKING:
    from pod_agent.settings import Settings
    from pod_wire.runpod.graphql import GraphqlApi
    from pod_wire.runpod.models import Pod
    from pod_wire.runpod.pods import PodsApi
    from pod_wire.runpod.transport import Transport
    from pod_wire.secrets import Secret

SHORT_S = 2.0
PATIENT_S = 20.0


class Myself:
    """What RunPod lets this pod do. Without an id or a key: nothing, and each answer says so."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def seen(self) -> Pod | None:
        """Ourselves as RunPod sees us, after a short look; None when it does not say."""
        apis = self._apis(SHORT_S)
        return check(self._settings.pod_id, *apis).pod if apis is not None else None

    def look(self) -> Armed:
        """Whether we could stop ourselves; and from the same answer, whether our clock is right."""
        from pod_agent.pod.preflight import clock  # noqa: PLC0415 - http.client and ssl do not train
        from pod_wire.clock import RealClock  # noqa: PLC0415
        from pod_wire.runpod.transport import StdlibTransport  # noqa: PLC0415

        wire = clock.Dated(StdlibTransport(), RealClock())
        pod, second = self._settings.pod_id, self._settings.stop_key
        own = check(pod, *(self._apis(PATIENT_S, wire) or (None, None)))
        other = None if second is None else check(pod, *(self._apis(PATIENT_S, wire, second) or (None, None)))
        found = of_both(own, other)
        return replace(found, clock_words=clock.judge(wire.off_s, found.reason).text)

    def ways(self, *, terminate: bool) -> tuple[Route, ...]:
        """All ways to end this pod, by its own key, then by the second one. Asked too often: the next way, at once."""
        found: tuple[Route, ...] = ()
        for key, by in ((self._settings.api_key, ""), (self._settings.stop_key, f" with {SECOND}")):
            apis, pod = self._apis(PATIENT_S, key=key, tries=1), self._settings.pod_id
            if apis is not None and pod is not None and key is not None:
                tool = self._tool_environment(key)
                found += routes(pod, *apis, terminate=terminate, environment=tool, by=by)
        return found

    def _tool_environment(self, key: Secret) -> dict[str, str]:
        """RunPod's own tool finds a key where RunPod puts the pod's."""
        return dict(self._settings.job_environment) | {"RUNPOD_API_KEY": key.reveal()}

    def _apis(
        self,
        timeout_s: float,
        wire: Transport | None = None,
        key: Secret | None = None,
        tries: int | None = None,
    ) -> tuple[PodsApi, GraphqlApi] | None:
        """By the pod's own key, unless another is named."""
        from pod_wire.runpod.calls import TRIES  # noqa: PLC0415 - http.client and ssl do not train
        from pod_wire.runpod.graphql import GraphqlApi  # noqa: PLC0415
        from pod_wire.runpod.pods import PodsApi  # noqa: PLC0415
        from pod_wire.runpod.transport import StdlibTransport  # noqa: PLC0415

        key = key or self._settings.api_key
        if key is None or self._settings.pod_id is None:
            return None
        wire = wire or StdlibTransport()
        tries = TRIES if tries is None else tries
        pods = PodsApi(self._settings.runpod_url, key, wire, timeout_s, tries=tries)
        return pods, GraphqlApi(self._settings.graphql_url, key, wire, timeout_s, tries=tries)
