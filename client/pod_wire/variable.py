"""One variable of the contract with the user: what it is called, what kind of value it takes, what bounds it has.

The table of all of them is in contract.py.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal

from pod_wire.frozen import dataclass

COMMAND_LIMIT_BYTES: Final = 64 * 1024
TEXT_LIMIT_BYTES: Final = 4096
NAME_LIMIT: Final = 64
RESTARTS_WITH_RESUME: Final = 3
PREFIX: Final = "POD_"


class Kind(StrEnum):
    """What a value is; decides how it is checked."""

    NAME = "name"  # letters, digits, . _ -
    REPO = "repository"
    REF = "git ref"
    FOLDER = "relative folder"
    FILE = "relative file or folder, or empty for none"
    GLOB = "relative glob"
    COMMAND = "shell text"
    TEXT = "text"
    PROGRESS = "pattern or command"
    FLAG = "0 or 1"
    NUMBER = "number"
    COUNT = "whole number"
    SIGNAL = "signal name"
    POLICY = "policy"
    TOKEN = "token"  # noqa: S105 - a kind of value, not one
    LOGIN = "token, or user:token"
    KEY = "private ssh key"
    PORT = "port"
    WORKSPACE = "absolute folder"
    URL = "URL"


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable: ``name`` in an environment, ``field`` in pod.toml and in a POST body (and in JobSpec)."""

    name: str
    field: str
    kind: Kind
    default: str
    unit: str
    sentence: str
    built: bool = True
    level: Literal["job", "pod"] = "job"
    least: float = 0.0
    most: float = 0.0  # bounds of NUMBER and COUNT
    above_least: bool = False  # the least itself is too little
