"""Since when this boot has had nothing to work on, kept across agents: one that dies often resets no watchdog.

The moment is of the monotonic clock, which all processes of one kernel share; the boot's name guards it against another
machine or another start. Not here: how long is too long (``brakes``).
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

from pod_agent.pod import scribe

if TYPE_CHECKING:
    from pathlib import Path

FILE = "idle"
log = logging.getLogger("podkeep")


class Rest:
    """A file beside the claims. What cannot be kept is counted from this agent's own start, as if it were new."""

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / FILE

    def resumed(self, boot: str | None, now: float) -> float:
        """When rest began, as an earlier agent of this boot knew; else it begins now. Monotonic seconds."""
        since = self._read(boot)
        if since is not None and since <= now:
            return since
        return self.began(boot, now)

    def began(self, boot: str | None, now: float) -> float:
        """Rest begins now."""
        try:
            scribe.replace(self._path, f"{now!r} {boot}\n".encode())
        except OSError as error:
            log.warning("idle=unwritten error=%r", str(error))
        return now

    def ended(self) -> None:
        """There is work again."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("idle=unremoved error=%r", str(error))

    def _read(self, boot: str | None) -> float | None:
        try:
            moment, _, name = self._path.read_text("utf-8").strip().partition(" ")
            since = float(moment)
        except (OSError, ValueError):
            return None
        return since if name == str(boot) and math.isfinite(since) else None
