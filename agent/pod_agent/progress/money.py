"""What the training costs: spent, what it burns, what the rest costs, where the cap is crossed. Pure functions.

Not here: which stays there were (``ledger``), and stopping a pod whose budget is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_wire.status import Money

if TYPE_CHECKING:
    from pod_agent.progress.ledger import Spent
    from pod_wire.status import Progress

HOUR_S = 3600.0


def money(
    price: float | None, boot_s: float | None, run: Spent, progress: Progress | None, cap: float | None = None
) -> Money:
    """``price`` in dollars per hour; ``boot_s``: how long this boot has been billed; ``cap``: dollars for the run."""
    eta_s = progress.eta_s if progress is not None else None
    return Money(
        price_per_hour=price,
        boot=None if price is None or boot_s is None else _dollars(price, boot_s),
        run=None if run.seconds <= 0 or run.unpriced_s >= run.seconds else round(run.dollars, 6),
        run_s=round(run.seconds, 3),
        unpriced_s=round(run.unpriced_s, 3),
        to_finish=None if price is None or eta_s is None else _dollars(price, eta_s),
        cap=cap,
        cap_step=cap_step(price, run, progress, cap),
        goodput=goodput(run, progress),
    )


def cap_step(price: float | None, run: Spent, progress: Progress | None, cap: float | None) -> int | None:
    """The step at which the cap is crossed at this speed; None where the end comes first, or nobody can tell."""
    if cap is None or progress is None or progress.step is None:
        return None
    if run.dollars >= cap:
        return progress.step
    if not price or progress.eta_s is None or progress.total is None or progress.total <= progress.step:
        return None
    left_s = (cap - run.dollars) / price * HOUR_S
    if left_s >= progress.eta_s:
        return None
    return progress.step + int((progress.total - progress.step) * left_s / progress.eta_s)


def goodput(run: Spent, progress: Progress | None) -> float | None:
    """The share of paid time in which steps advanced: steps done twice count once. None before the first step."""
    if progress is None or progress.step is None or run.seconds <= 0:
        return None
    return min(1.0, round(progress.advanced_s / run.seconds, 4))


def _dollars(price: float, seconds: float) -> float:
    return round(max(0.0, seconds) * price / HOUR_S, 6)
