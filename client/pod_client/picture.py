"""Progress and money as text: a bar, a sparkline, rates, how sure an end is. Pure; every line fits 80 columns.

Where the terminal knows no UTF-8, the same is drawn in ASCII. Not here: which lines there are (``reading``).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pod_client.receipt import dollars, seconds

if TYPE_CHECKING:
    from pod_wire.status import Money, Progress

WIDTH = 24
SPARKS = 32
_BLOCKS = "▁▂▃▄▅▆▇█"
_SIGNS = "_.-~=+*#"
_EIGHTHS = " ▏▎▍▌▋▊▉"
_NEARLY = 0.02  # bounds closer than this share to the estimate are not worth words
_DAY_S = 86400.0
_THOUSAND = 1000.0


def bar(share: float, *, ascii_only: bool, width: int = WIDTH) -> str:
    """How much is done, from 0 to 1."""
    share = min(1.0, max(0.0, share)) if math.isfinite(share) else 0.0
    if ascii_only:
        full = int(share * width)
        return "[" + "#" * full + "." * (width - full) + "]"
    full, rest = divmod(int(share * width * 8), 8)
    text = "█" * full + (_EIGHTHS[rest] if rest else "")
    return "▕" + text.ljust(width) + "▏"


def sparkline(values: tuple[float, ...], *, ascii_only: bool, width: int = SPARKS) -> str:
    """The values from the oldest to the newest, the highest of them highest."""
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) < 2:  # noqa: PLR2004 - one value has no course
        return ""
    if len(finite) > width:
        finite = [finite[place * (len(finite) - 1) // (width - 1)] for place in range(width)]
    signs = _SIGNS if ascii_only else _BLOCKS
    low, high = min(finite), max(finite)
    half = high / 2 - low / 2  # the whole may be more than a float holds
    if half <= 0:
        return signs[0] * len(finite)
    return "".join(signs[min(7, int((value / 2 - low / 2) / half * 8))] for value in finite)


def steps(progress: Progress, *, ascii_only: bool) -> str | None:
    """`▕████  ▏ 412 of 600 (69 %)`."""
    if progress.step is None:
        return None
    if not progress.total:
        return f"{progress.step} (nobody says of how many)"
    share = progress.step / progress.total
    drawn = bar(share, ascii_only=ascii_only)
    return f"{drawn} {progress.step} of {progress.total} ({int(share * 100)} %)"


def epochs(progress: Progress) -> str | None:
    if progress.epoch is None:
        return None
    return f"{progress.epoch:g}" + (f" of {progress.epochs:g}" if progress.epochs else "")


def loss(progress: Progress, *, ascii_only: bool) -> str | None:
    """The newest, and the run's curve before it."""
    if progress.loss_is_nan:
        last = "" if progress.loss is None else f"; before that {progress.loss:.4g}"
        return f"not a number (NaN or infinite){last}"
    if progress.loss is None:
        return None
    drawn = sparkline(progress.losses, ascii_only=ascii_only)
    return f"{progress.loss:.4g}" + (f"  {drawn}" if drawn else "")


def rate(progress: Progress) -> str | None:
    """Steps a second, or seconds a step, whichever is the larger number."""
    if not progress.rate:
        return None
    if progress.rate >= _THOUSAND:
        return f"{progress.rate:,.0f} steps/s"
    if progress.rate >= 1:
        return f"{progress.rate:.3g} steps/s"
    return f"{1 / progress.rate:.3g} s/step"


def eta(progress: Progress) -> str | None:
    """When the last step comes, and how sure that is, in words."""
    if progress.eta_s is None:
        return None
    if progress.eta_s == 0 and progress.step == progress.total:
        return "all steps are done"
    text = f"in about {span(progress.eta_s)}"
    if not progress.eta_is_sure:
        return f"{text}, a first guess"
    least, most = progress.eta_least_s, progress.eta_most_s
    if least is None or most is None or (most - least) <= _NEARLY * progress.eta_s:
        return text
    low, high = span(least), span(most)
    return text if low == high else f"{text} (between {low} and {high})"


def span(value: float) -> str:
    """Rounder than on a receipt: nobody needs the seconds of an estimate of hours."""
    if value >= 2 * _DAY_S:
        return f"{value / _DAY_S:.1f} days"
    return seconds(value)


def spent(money: Money) -> str | None:
    """This boot's and the run's dollars, and what an hour costs."""
    parts = [f"{dollars(money.boot)} this boot"] if money.boot is not None else []
    if money.run is not None:
        least = "at least " if money.unpriced_s else ""
        parts.append(f"{least}{dollars(money.run)} this run")
    if money.price_per_hour is not None:
        parts.append(f"{dollars(money.price_per_hour)}/h")
    return ", ".join(parts) or None


def to_finish(money: Money) -> str | None:
    """What the rest costs, and where the cap is crossed."""
    if money.to_finish is None and money.cap is None:
        return None
    parts = []
    if money.to_finish is not None:
        left = dollars(money.to_finish)
        parts.append(f"{left} more" if left.startswith("<") else f"about {left} more")
    if money.cap is not None:
        if money.cap_step is not None:
            parts.append(f"the cap of {dollars(money.cap)} is crossed at step {money.cap_step}")
        else:
            parts.append(f"the cap is {dollars(money.cap)}")
    return "; ".join(parts)


def goodput(money: Money) -> str | None:
    return None if money.goodput is None else f"{money.goodput * 100:.0f} % of the paid time made new steps"


def gpu(told: object) -> str | None:
    """Use, memory, power and heat of one GPU, as far as they are available; None where nothing is."""
    use = _of(told, "utilization")
    parts = [] if use is None else [f"{use * 100:.0f} %"]
    parts += _two(_of(told, "memory_used_bytes"), _of(told, "memory_bytes"), 1e9, "GB")
    parts += _two(_of(told, "power_watts"), _of(told, "power_limit_watts"), 1.0, "W")
    heat = _of(told, "temperature_celsius")
    parts += [] if heat is None else [f"{heat:.0f} C"]
    fault = getattr(told, "fault", None)
    parts += [str(fault)] if fault else []
    return ", ".join(parts) or None


def _of(told: object, name: str) -> float | None:
    value = getattr(told, name, None)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _two(used: float | None, whole: float | None, unit: float, name: str) -> list[str]:
    """`61.2 of 80.0 GB`."""
    if used is None:
        return []
    digits = 1 if unit > 1 else 0
    of = "" if whole is None else f" of {whole / unit:.{digits}f}"
    return [f"{used / unit:.{digits}f}{of} {name}"]
