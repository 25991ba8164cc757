"""Sends the agent to a pod that waits for it. What cannot arrive now is sent again at the next look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_client.bare.bundle import make_bundle
from pod_client.receipt import size
from pod_wire.errors import Broken, Conflict, NotFound, RateLimited, Unreachable

if TYPE_CHECKING:
    from pod_client.agent_api import AgentApi
    from pod_client.screen import Screen


class AgentSending:
    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._said = ""

    def send(self, agent: AgentApi, wanted: str) -> None:
        """To a pod that wants just ours; Conflict where it wants another."""
        bundle = make_bundle()
        if wanted != bundle.digest:
            raise Conflict(
                "cannot send the pod its agent: it was made by another podkeep than this one",
                "start it with that one; or begin on a new pod: --new-pod",
            )
        self._say(f"the image has no agent: sending it, {size(len(bundle.data))}")
        try:
            agent.put_agent(wanted, bundle.data)
        except (Unreachable, Broken, NotFound, RateLimited) as error:
            self._say(f"{error.message}; trying again")
        else:
            self._say("the pod has its agent's files; it installs what they need")

    def _say(self, text: str) -> None:
        if text != self._said:
            self._said = text
            self._screen.step(text)
