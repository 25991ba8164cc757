"""Figures as people write them: spans, dollars, sizes, commits. Pure; both sides say the same number the same way."""

from __future__ import annotations

_MINUTES_FROM_S = 100  # below it, seconds with a tenth tell more
_CENTS_FROM = 0.1  # below it, cents alone would say $0.00
_LEAST = 0.00005  # dollars: less would be told as $0.0000
_THOUSAND = 1000


def seconds(value: float) -> str:
    """12.3 s, 4 min 05 s, 3 h 02 min."""
    if value < _MINUTES_FROM_S:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < _MINUTES_FROM_S:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def dollars(value: float) -> str:
    """$12.50, $0.0042; what is less than a hundredth of a cent is no $0."""
    if 0 < value < _LEAST:
        return "<$0.0001"
    return f"${value:.2f}" if value >= _CENTS_FROM or value == 0 else f"${value:.4f}"


def size(value: int) -> str:
    amount = float(value)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < _THOUSAND:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= _THOUSAND
    return f"{amount:.1f} TB"


def short(state: str) -> str:
    """A commit, or what stands for one where the code came otherwise than from git."""
    kind, colon, digest = state.rpartition(":")
    return f"{kind}{colon}{digest[:10]}"
