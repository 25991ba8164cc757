"""RunPod's log of a pod, as its server-sent events arrive: bytes in, lines out. Pure; who asks is elsewhere."""

from __future__ import annotations

import json

from pod_wire.frozen import dataclass


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a container, or of the host that carries it. ``id`` is where a later reader goes on."""

    id: str
    ts: str
    source: str
    text: str


class LogEvents:
    """Takes the stream piece by piece, cut wherever it may be. What is no log line is passed over."""

    def __init__(self) -> None:
        self._rest = b""
        self._id = ""
        self._data: list[str] = []

    def feed(self, piece: bytes) -> list[LogLine]:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        found = (self._line(line.removesuffix(b"\r").decode("utf-8", "replace")) for line in lines)
        return [line for line in found if line is not None]

    def _line(self, text: str) -> LogLine | None:
        if not text:
            data, self._data = "\n".join(self._data), []
            return read_line(self._id, data) if data else None
        name, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if name == "id":
            self._id = value
        elif name == "data":
            self._data.append(value)
        return None


def read_line(event_id: str, data: str) -> LogLine | None:
    try:
        known = json.loads(data)
    except (ValueError, RecursionError):
        return None
    match known:
        case {"line": str(text), **more}:
            ts, source = more.get("ts"), more.get("source")
            return LogLine(
                event_id, ts if isinstance(ts, str) else "", source if isinstance(source, str) else "", text
            )
        case _:
            return None
