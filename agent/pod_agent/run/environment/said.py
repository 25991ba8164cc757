"""What programs said, as a failure's words: their last line, or the meaning of a line that is known.

Not here: what pip and uv mean (``refusals``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pod_agent.run.work import StepFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pod_agent.run.work import Finished


def last_line(done: Finished) -> str:
    """What a program said last, or its last error."""
    lines = [line.strip() for line in done.text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR") and line != "ERROR: Exception:"]
    telling = errors or lines  # of a traceback of the program's own, its end
    return telling[-1].removeprefix("ERROR: ") if telling else f"it ended with code {done.code}"


def meaning(text: str, meanings: Sequence[tuple[str, str, str]], name: str) -> StepFailed | None:
    """The first of (pattern, reason, remedy) whose pattern is in the text; its groups go into the words."""
    for pattern, reason, remedy in meanings:
        found = re.search(pattern, text)
        if found:
            return StepFailed(f"cannot install {name}: {reason.format(*found.groups())}", remedy)
    return None
