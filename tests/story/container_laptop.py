"""A laptop whose `--local` pods are containers of the real image: the simulator is there before it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.story.laptop import Laptop


@dataclass(frozen=True, slots=True)
class ContainerLaptop(Laptop):
    """``container_options`` make its pods containers; ``engine_variables`` lead to the Docker Engine."""

    container_options: tuple[str, ...] = ()
    engine_variables: Mapping[str, str] = field(default_factory=dict)

    def start_simulator(self) -> None:
        self.run_simulator()

    def run_simulator(self, *options: str) -> None:
        Laptop.run_simulator(self, *self.container_options, *options)

    @property
    def simulator_env(self) -> dict[str, str]:
        return {**self.env, **self.engine_variables}
