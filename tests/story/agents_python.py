"""The Python of a pod's agent, which a story takes away: whoever kills the agent then knows that none follows it.

Not here: an agent that dies of itself (test_last_resort.py), and what the image does without any Python.
"""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.live import wait_for
from tests.story.container_laptop import ContainerLaptop
from tests.story.laptop import Laptop
from tests.story.seen import Seen

IN_THE_IMAGE = "opt/podkeep/bin/python"


@dataclass(frozen=True, slots=True)
class AgentsPython:
    """``own`` stands in for this machine's, which all process pods share; a container has one in its root."""

    laptop: Laptop
    own: Path

    @classmethod
    def of(cls, laptop: Laptop, folder: Path) -> AgentsPython:
        own = folder / "python"
        own.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
        own.chmod(0o755)
        return cls(laptop, own)

    @property
    def options(self) -> tuple[str, ...]:
        """Of the `up` that makes the pod."""
        return () if isinstance(self.laptop, ContainerLaptop) else ("--env", f"PODKEEP_PYTHON={self.own}")

    def take_away(self, pod: Seen) -> None:
        """Kill the agent, and wait until PID 1 has tried in vain to begin another."""
        where = pod.root() / IN_THE_IMAGE if isinstance(self.laptop, ContainerLaptop) else self.own
        where.rename(where.with_name("taken-away"))
        pod.kill_agent()
        tried = "the agent ended with code 127; starting it again"
        wait_for("a start in vain", lambda: tried in pod.console())
        assert pod.agent() is None

    def put_back(self) -> None:
        """A container that is started again has a new disk, and its Python with it."""
        away = self.own.with_name("taken-away")
        if away.exists():
            away.rename(self.own)
