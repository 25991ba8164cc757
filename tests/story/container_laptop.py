"""A laptop whose `--local` pods are containers of the real image: the simulator is there before it is asked for."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.live import Simulator, wait_for
from tests.story.laptop import Laptop


@dataclass(frozen=True, slots=True)
class ContainerLaptop(Laptop):
    """``image`` is what every pod runs; ``engine`` the variables that lead to the Docker Engine."""

    image: str = ""
    engine: tuple[tuple[str, str], ...] = ()

    def start_simulator(self) -> None:
        """On this machine's network, where the repository is served."""
        self.state.mkdir(parents=True, exist_ok=True)
        options = ("--backend", "docker", "--image", self.image, "--network", "host")
        argv = [sys.executable, "-m", "pod_sim", "--state", str(self.state), *options]
        with (self.state / "server.log").open("ab") as log:
            program = subprocess.Popen(argv, env=self.env | dict(self.engine), stdout=log, stderr=log)
        self.started.append(program)
        wait_for("a simulator", lambda: Simulator.at(self.state) or program.poll() is not None)
        assert program.poll() is None, Path(self.state / "server.log").read_text()
