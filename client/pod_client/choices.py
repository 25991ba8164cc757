"""How `up` goes about its work, as its flags say. One value; what is started is plan.py's matter."""

from __future__ import annotations

from pod_wire.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Choices:
    """How `up` goes about it."""

    local: bool = False
    detach: bool = False
    new_pod: bool = False
    dry_run: bool = False
    as_json: bool = False
    wait_minutes: float = 20.0
    tree: bool = False  # send this folder as it is
    pushed: bool = False  # what is pushed, whatever was not
    asks: bool = False  # somebody is at a terminal, and may be asked
