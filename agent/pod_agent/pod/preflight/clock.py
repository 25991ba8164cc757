"""Is the pod's clock right? Held against the ``Date`` of an answer that RunPod gave anyway. Pure but ``Dated``.

TLS and the signatures of S3 break on a wrong clock, and a container cannot set it.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from pod_agent.pod.preflight.verdict import FINE, Finding, warning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pod_wire.clock import Clock
    from pod_wire.runpod.transport import Answer, Transport

MOST_OFF_S = 300.0
REMEDY = "TLS and uploads may fail: the host sets the clock, so take another pod"
BY_CLOCK = ("not yet valid", "has expired")


def off_by(date: str | None, now: float) -> float | None:
    """Seconds that the clock is ahead; None where the header tells nothing."""
    try:
        return now - parsedate_to_datetime(date or "").timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def judge(off_s: float | None, refusal: str = "") -> Finding:
    """``refusal``: why RunPod could not be asked, if it could not."""
    if off_s is None:
        if "certificate" in refusal and any(words in refusal for words in BY_CLOCK):
            return warning(f"the pod's clock may be wrong: {refusal}", REMEDY)
        return FINE
    if abs(off_s) <= MOST_OFF_S:
        return FINE
    return warning(f"the pod's clock is {_span(abs(off_s))} {'ahead' if off_s > 0 else 'behind'}", REMEDY)


def _span(seconds: float) -> str:
    for unit, length in (("days", 86400.0), ("hours", 3600.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds / 60:.0f} minutes"


class Dated:
    """A transport that remembers how far the clock was from the last answer's date."""

    def __init__(self, inner: Transport, clock: Clock) -> None:
        self._inner = inner
        self._clock = clock
        self.off_s: float | None = None

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, timeout_s: float
    ) -> Answer:
        answer = self._inner.send(method, url, headers, body, timeout_s)
        self.off_s = off_by(answer.headers.get("date"), self._clock.now())
        return answer
