"""Moments as people type them: so long ago, or a date and time."""

from __future__ import annotations

import re
from datetime import datetime

from pod_wire.errors import BadInput

_AGO = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_moment(text: str, now: float) -> float:
    """Seconds since the epoch. A time without a zone is the laptop's own."""
    ago = _AGO.fullmatch(text.strip())
    if ago is not None:
        return now - float(ago[1]) * _UNITS[ago[2]]
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError, OSError):
        raise BadInput(
            "cannot understand --since", hint="write 90s, 10m, 2h or 2026-01-31T12:00:00Z"
        ) from None
