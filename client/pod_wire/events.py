"""The journal's entries: one line of JSON each, append-only. Values and their lines; nothing is written here."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from pod_wire.errors import BadInput
from pod_wire.frozen import dataclass

Field = str | int | float | None


class Kind(StrEnum):
    """What a journal knows to tell. A reader keeps entries of kinds it does not know as they are."""

    ORDER = "order"
    PHASE = "phase"
    ATTEMPT_STARTED = "attempt_started"
    ATTEMPT_ENDED = "attempt_ended"
    CHECKPOINT = "checkpoint"
    REHEARSAL = "rehearsal"
    STALL = "stall"
    OUTCOME = "outcome"
    HOLD = "hold"
    STOP_REQUESTED = "stop_requested"
    STOP_REFUSED = "stop_refused"
    IDLE_NOTICE = "idle_notice"  # a minute before idleness stops the pod
    IDLE_OVER = "idle_over"  # somebody uses it after all
    KEEP = "keep"  # a lease was given, or all were ended
    AGENT = "agent"
    WARNING = "warning"


KINDS: Final = frozenset(str(kind) for kind in Kind)
_RESERVED: Final = frozenset({"at", "kind"})


@dataclass(frozen=True, slots=True)
class Entry:
    """Something happened: when (seconds since the epoch), what, and the facts about it."""

    at: float
    kind: str
    fields: Mapping[str, Field]


def to_line(entry: Entry) -> bytes:
    """The entry as one line of ASCII JSON, with its line end."""
    clash = _RESERVED & entry.fields.keys()
    if clash:
        raise ValueError(f"cannot write a journal entry: a field is called {min(clash)!r}")
    plain = {"at": entry.at, "kind": str(entry.kind), **entry.fields}
    return json.dumps(plain, allow_nan=False, separators=(",", ":")).encode("ascii") + b"\n"


def from_line(line: bytes | str) -> Entry:
    """The entry of one line; BadInput where it is none (a torn last line, for instance)."""
    try:
        plain: object = json.loads(line)
    except (ValueError, RecursionError):
        raise BadInput("cannot read a journal entry: the line is not JSON") from None
    if not isinstance(plain, Mapping):
        raise BadInput("cannot read a journal entry: the line is no object")
    at, kind = plain.get("at"), plain.get("kind")
    if (
        isinstance(at, bool)
        or not isinstance(at, (int, float))
        or not math.isfinite(at)
        or not isinstance(kind, str)
    ):
        raise BadInput("cannot read a journal entry: 'at' or 'kind' is missing")
    return Entry(
        float(at), kind, {key: _field(value) for key, value in plain.items() if key not in _RESERVED}
    )


def read_entries(data: bytes) -> tuple[Entry, ...]:
    """Every whole entry of a journal's bytes; lines that are torn or foreign are passed over."""
    found = []
    for line in data.split(b"\n"):
        if not line:
            continue
        try:
            found.append(from_line(line))
        except BadInput:
            continue
    return tuple(found)


def _field(value: object) -> Field:
    """A field's value; what a newer journal nests is kept as its JSON text."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    return json.dumps(value)
