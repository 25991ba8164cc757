"""Lines that hold one object: JSON, and the dict that Hugging Face's Trainer prints. Nothing of it is evaluated.

Words may stand before a JSON object, as fairseq writes it. Not here: what the names mean (``fields``).
"""

from __future__ import annotations

import json
import re

from pod_agent.progress import fields
from pod_agent.progress.reading import Reading, Source

_PAIR = re.compile(r"'([A-Za-z_][\w/ .-]{0,38})':\s{0,2}'?([+-]?[\w.+-]{1,30})'?\s{0,2}(?=[,}])")
FURTHEST = 200  # characters before the object


def read(text: str) -> Reading | None:
    """What the object says; None where there is none, or it says nothing of a training."""
    start = text.find("{", 0, FURTHEST)
    if start < 0 or not text.endswith("}"):
        return None
    inner = text[start:]
    if inner.startswith("{'"):
        return fields.reading(_PAIR.findall(inner), Source.LINE)
    try:
        found: object = json.loads(inner)
    except (ValueError, RecursionError):
        return None
    return fields.reading(_flat(found), Source.JSON) if isinstance(found, dict) else None


def _flat(found: dict[object, object]) -> list[tuple[object, object]]:
    """The object's names, and those one level below: some loggers put the numbers into `metrics` or `data`."""
    pairs: list[tuple[object, object]] = []
    for name, value in list(found.items())[:200]:
        if isinstance(value, dict):
            pairs += list(value.items())[: fields.MOST]
        else:
            pairs.append((name, value))
    known = (*fields.STEPS, *fields.TOTALS, *fields.EPOCHS, *fields.LOSSES, "epoch")
    return sorted(pairs, key=lambda pair: fields.plain(str(pair[0])[: fields.LONGEST]) not in known)
