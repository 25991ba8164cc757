"""What a launch has done so far, written the moment it is done: what a failure or an interruption must undo or name.

Values only; launch.py undoes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Made(StrEnum):
    """What a launch did to the pod, and so what undoing it means."""

    CREATED = "created"  # undone by removing it
    STARTED = "started"  # a stopped one: undone by stopping it
    ORDERED = "ordered"  # it was running and was given the job: nothing to undo, but it bills
    NOTHING = "nothing"


@dataclass(slots=True)
class Ledger:
    """One pod at most, or the name of one that was asked for and of which nobody knows whether it was made."""

    pod_id: str | None = None
    made: Made = Made.NOTHING
    asked: str | None = None
    env_before: Mapping[str, str] | None = None  # of a stopped pod, before it was given the job

    def asks(self, name: str) -> None:
        """A pod of this name is about to be asked for: until the answer is clear it may exist, and bill."""
        self.clear()
        self.asked = name

    def note(self, pod_id: str, made: Made, env_before: Mapping[str, str] | None = None) -> None:
        self.pod_id, self.made, self.env_before, self.asked = pod_id, made, env_before, None

    def clear(self) -> None:
        """Nothing was done, or it is undone."""
        self.pod_id, self.made, self.env_before, self.asked = None, Made.NOTHING, None, None
