"""A line of the log as a reading: the forms are tried in order, the one that knows most first. Never raises.

Not here: the forms themselves, and the user's own pattern (``asked``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pod_agent.progress import bars, counts, keras_bar, objects
from pod_agent.progress.reading import Began, Reading

if TYPE_CHECKING:
    from pod_agent.progress.lines import Line

_BEGAN = re.compile(r"podkeep: attempt (\d{1,9}) of run ([\w.-]{1,80}),")


def read(line: Line) -> Reading | Began | None:
    """What the line says of the training; None for most lines."""
    text = line.text
    if text.startswith("podkeep: "):
        began = _BEGAN.match(text)
        return None if began is None else Began(int(began[1]), began[2])
    if not any(character.isdigit() for character in text[:400]) and "nan" not in text:
        return None
    if "%|" in text or "it [" in text:
        return bars.read(text, nested=line.nested)
    return (
        keras_bar.read(text)
        or (objects.read(text) if text.endswith("}") else None)
        or (bars.read(text, nested=line.nested) if "━" in text else None)
        or counts.read(text)
    )


def is_whole_bar(line: Line) -> bool:
    """Whether a line without an end is a bar that is only waiting to be drawn over."""
    return "%|" in line.text and line.text.endswith("]")
