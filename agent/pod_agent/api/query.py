"""What may stand behind the question mark: read strictly, all mistakes at once, nothing echoed. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pod_wire.errors import BadInput, Mistake
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

_YES = {"1", "true", "yes"}
_NO = {"0", "false", "no"}
_WHOLE = re.compile(r"[0-9]{1,18}", re.ASCII)
_LATEST = 1e11  # seconds since 1970, some three thousand years


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which bytes of a log. At most one of ``offset``, ``tail`` and ``since``; none: from the beginning."""

    offset: int | None = None
    limit: int | None = None  # bytes; None: all there are
    follow: bool = False
    tail: int | None = None  # lines
    since: float | None = None  # seconds since the epoch


def read_log_query(pairs: Iterable[tuple[str, str]]) -> LogQuery:
    values, mistakes = _once(pairs, ("offset", "limit", "follow", "tail", "since"))
    offset = _count(values, "offset", mistakes)
    limit = _count(values, "limit", mistakes)
    tail = _count(values, "tail", mistakes)
    since = _moment(values, mistakes)
    follow = values.get("follow", "0").lower()
    if follow not in _YES | _NO:
        mistakes.append(Mistake("follow", "is neither yes nor no", "give 1 or 0"))
    if len(values.keys() & {"offset", "tail", "since"}) > 1:
        mistakes.append(
            Mistake("offset", "only one of offset, tail and since can say where to begin", "give one")
        )
    _refuse(mistakes)
    return LogQuery(offset, limit, follow in _YES, tail, since)


def read_events_query(pairs: Iterable[tuple[str, str]]) -> int:
    """The offset into the journal."""
    values, mistakes = _once(pairs, ("offset",))
    offset = _count(values, "offset", mistakes)
    _refuse(mistakes)
    return offset or 0


def _once(pairs: Iterable[tuple[str, str]], known: tuple[str, ...]) -> tuple[dict[str, str], list[Mistake]]:
    values: dict[str, str] = {}
    mistakes: list[Mistake] = []
    for name, value in pairs:
        if name not in known:
            mistakes.append(Mistake("query", "holds an unknown parameter", f"known here: {', '.join(known)}"))
        elif name in values:
            mistakes.append(Mistake(name, "is given twice", "give it once"))
        else:
            values[name] = value
    return values, mistakes


def _count(values: dict[str, str], name: str, mistakes: list[Mistake]) -> int | None:
    text = values.get(name)
    if text is None:
        return None
    if _WHOLE.fullmatch(text):
        return int(text)
    mistakes.append(Mistake(name, "is not a whole number from 0 on", f"for example {name}=1000"))
    return None


def _moment(values: dict[str, str], mistakes: list[Mistake]) -> float | None:
    """Seconds since the epoch, or ISO 8601; without a zone it is UTC, as everything on a pod."""
    text = values.get("since")
    if text is None:
        return None
    try:
        when = float(text)
    except ValueError:
        when = _iso(text)
    if 0 <= when < _LATEST:
        return when
    mistakes.append(
        Mistake("since", "is no moment", "give seconds since 1970 or a time like 2026-01-31T12:00:00Z")
    )
    return None


def _iso(text: str) -> float:
    try:
        when = datetime.fromisoformat(
            text.replace(" ", "+")
        )  # a plus sign arrives as a space when not escaped
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return -1.0


def _refuse(mistakes: list[Mistake]) -> None:
    if mistakes:
        raise BadInput("cannot read the query: it holds mistakes", tuple(dict.fromkeys(mistakes)))
