"""What a command is started in: the environment, read once by the entry point, and what is made from it on demand."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pod_client.screen import Screen, colour_wish
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pod_client.stdout import Sink
    from pod_client.wiring import Wiring


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Each command is given one. What it makes is imported when asked for."""

    env: Mapping[str, str]

    def screen(self) -> Screen:
        return Screen(colour=colour_wish(self.env))

    def wiring(self) -> Wiring:
        from pod_client.interrupts import WaitingClock  # noqa: PLC0415
        from pod_client.wiring import Wiring  # noqa: PLC0415 - so that --help stays quick

        return Wiring(dict(self.env), self.screen(), WaitingClock())

    def is_at_terminal(self) -> bool:
        """Whether somebody sees a question and can answer it."""
        return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))

    def sink(self, *, raw: bool, shown: bool = True) -> Sink:
        """Where a log goes: this terminal, folded or not, or nowhere."""
        from pod_client.folding import fold_for  # noqa: PLC0415
        from pod_client.stdout import Nowhere, Stdout  # noqa: PLC0415

        return Stdout(fold_for(terminal=sys.stdout.isatty(), raw=raw)) if shown else Nowhere()
