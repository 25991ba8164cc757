"""Services of one agent's life, made of shell text, and what they told. For tests."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from pod_agent.pod.services import Off, Patience, Start
from pod_agent.pod.services_care import Services
from pod_wire.clock import RealClock
from tests.live import wait_for

QUICK = Patience(first_s=0.01, longest_s=0.02, rare_s=600.0, at_once_s=30.0, grace_s=0.3)


@dataclass
class Row:
    """A service that runs this shell text."""

    folder: Path
    text: str
    name: str = "echo"
    remedy: str = "look at it"
    settled: bytes = b""
    looks: int = field(default=0)
    off: str = ""

    def prepare(self):
        if self.off:
            return Off(self.off)
        env = {"PATH": os.environ["PATH"]}
        return Start(("/bin/sh", "-c", self.text), env, self.folder, self.settled)

    def refresh(self):
        self.looks += 1


class House:
    """Services of one agent's life, and what they told."""

    def __init__(self, folder, *rows, patience=QUICK):
        self.folder = folder
        self.told = {}
        self.seen = []
        self.services = Services(folder / "services", RealClock(), self.tell, patience)
        self.services.start(rows)

    def tell(self, found):
        self.seen += [status for status in found if self.told.get(status.name) != status]
        self.told = {status.name: status for status in found}

    def until(self, state, name="echo"):
        return wait_for(
            f"{name} is {state}", lambda: (now := self.told.get(name)) and now.state == state and now
        )

    def leave(self):
        self.services.leave(10)
