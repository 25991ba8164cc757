"""How far each attempt came, and what it made again that an earlier one had made. Pure.

Not here: which step counts (``course``), and what is said of it (a receipt).
"""

from __future__ import annotations

from dataclasses import replace

from pod_wire.receipt import Steps

MOST = 100


def walked(
    walks: tuple[Steps, ...], attempt: int, step: int, *, before: int | None, high: int, gone_s: float
) -> tuple[Steps, ...]:
    """With one step more. ``before``: the same attempt's last one; ``high``: the highest of the run until now."""
    known = walks[-1] if walks and walks[-1].attempt == attempt else None
    now = known or Steps(attempt)
    again = 0 if before is None or step <= before else max(0, min(step, high) - before)
    now = replace(
        now,
        last=step if now.last is None else max(now.last, step),
        redone=now.redone + again,
        redone_s=round(now.redone_s + (gone_s if again else 0.0), 3),
    )
    return (*(walks if known is None else walks[:-1]), now)[-MOST:]
