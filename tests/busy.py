"""How busy this machine was over a while: whether what came too late had its seconds for itself."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

PRESSURE = Path("/proc/pressure")
CALM = 0.5  # of the time, at most, somebody has had to wait for a core or the disk
WAITED = re.compile(r"^some .*total=(\d+)", re.MULTILINE)


def _waited_s() -> float | None:
    """Since the machine's start, as the kernel counts it; None where it does not."""
    try:
        found = [WAITED.search((PRESSURE / name).read_text()) for name in ("cpu", "io")]
    except OSError:
        return None
    return sum(int(one[1]) for one in found if one) / 1e6


@dataclass(frozen=True, slots=True)
class Watch:
    """From its making on."""

    began: float = field(default_factory=time.monotonic)
    before: float | None = field(default_factory=_waited_s)

    def was_too_long(self, limit_s: float) -> bool:
        """More than this is over, and nobody can blame the machine."""
        return time.monotonic() - self.began > limit_s and self.was_calm()

    def was_calm(self) -> bool:
        now = _waited_s()
        if now is None or self.before is None:
            return os.getloadavg()[0] <= (os.cpu_count() or 1)
        return now - self.before < CALM * (time.monotonic() - self.began)
