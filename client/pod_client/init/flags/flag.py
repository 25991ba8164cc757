"""One thing that a program can be told on its command line, and how it is spelt there. Values only."""

from __future__ import annotations

import shlex
from enum import StrEnum
from typing import TYPE_CHECKING

from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pod_client.init.source import Place

CHECKPOINT = "{checkpoint}"


class Takes(StrEnum):
    """What stands behind the flag."""

    TEXT = "text"
    SWITCH = "nothing"
    TRUTH = "true or false"
    NUMBER = "a number"
    MAYBE = "a text or nothing"


class Style(StrEnum):
    """How flag and value are joined."""

    SPACE = "space"
    EQUALS = "equals"
    OVERRIDE = "override"  # hydra's and OmegaConf's name=value
    POSITION = "position"


@dataclass(frozen=True, slots=True)
class Flag:
    """``name`` is as the command line has it; ``dest`` as the program reads it."""

    name: str
    dest: str
    place: Place
    takes: Takes = Takes.TEXT
    style: Style = Style.SPACE
    required: bool = False
    default: object = None
    owner: str | None = None  # the function whose parameter it is

    def with_checkpoint(self) -> str:
        """How a checkpoint's path is given."""
        match self.style:
            case Style.OVERRIDE:  # quoted for hydra too: a checkpoint's name may hold '='
                return f"\"{self.name}='{CHECKPOINT}'\""
            case Style.EQUALS:
                return f"{self.name}={CHECKPOINT}"
            case Style.POSITION:
                return CHECKPOINT
            case _:
                return f"{self.name} {CHECKPOINT}"

    def switched_on(self, value: str = "true") -> str:
        """How it is given where it takes no path."""
        if self.takes in {Takes.SWITCH, Takes.MAYBE}:
            return self.name
        word = shlex.quote(value)
        return f"{self.name} {word}" if self.style is Style.SPACE else f"{self.name}={word}"
