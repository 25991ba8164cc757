"""The agent of a container pod that waits for jobs: given and asked as the bare one is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Self

from tests.live import Simulator, wait_for
from tests.story import templates
from tests.story.bare_agent import AskedAgent
from tests.story.seen import Seen
from tests.story.templates import TemplatePod


class PodAgent(AskedAgent):
    """It is asked on this machine's network, past the proxy. tests/programs lie in its workspace."""

    token = templates.TOKEN
    python = "python3"
    programs = Path("/workspace/programs")

    def __init__(self, simulator: Simulator, **env: str) -> None:
        self._simulator = simulator
        self._env = {"POD_JOB": "", "POD_IDLE_MINUTES": "0", **env}

    def __enter__(self) -> Self:
        self.pod = TemplatePod.create(self._simulator, self._env)
        self._seen = Seen(self._simulator, self.pod.id)
        try:
            self.url = wait_for("the agent answers", self._address)
            shutil.copytree(AskedAgent.programs, self.pod.mount / "programs")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing of it is left."""
        self._simulator.call("DELETE", f"/v2/pods/{self.pod.id}")
        wait_for("the pod is gone", lambda: not self._seen.disks.exists())

    def _address(self) -> str | None:
        port = json.loads((self._seen.disks / "pod.json").read_text())["agent_port"]
        return f"http://127.0.0.1:{port}" if self.pod.ask("/status") else None

    def said(self) -> str:
        return self.pod.console()

    @property
    def pid(self) -> int:
        """The agent's, as this machine calls it."""
        return self._seen.host_pid(wait_for("an agent", self._seen.agent))

    def log_file(self, name: str) -> Path:
        return self.pod.left(name).folder / "log"
