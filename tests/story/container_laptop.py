"""A laptop whose `--local` pods are containers of the real image: the simulator is there before it is asked for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.live import wait_for
from tests.story.laptop import Laptop, answers


@dataclass(frozen=True, slots=True)
class ContainerLaptop(Laptop):
    """``container_options`` make its pods containers; ``engine_variables`` lead to the Docker Engine."""

    container_options: tuple[str, ...] = ()
    engine_variables: Mapping[str, str] = field(default_factory=dict)

    def start_simulator(self) -> None:
        self.state.mkdir(parents=True, exist_ok=True)
        argv = [sys.executable, "-m", "pod_sim", "--state", str(self.state), *self.container_options]
        with (self.state / "server.log").open("ab") as log:
            program = subprocess.Popen(argv, env=self.env | self.engine_variables, stdout=log, stderr=log)
        self.started.append(program)
        wait_for("a simulator", lambda: answers(self.state) or program.poll() is not None)
        assert program.poll() is None, Path(self.state / "server.log").read_text()
