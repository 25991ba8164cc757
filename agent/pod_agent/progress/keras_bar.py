"""Keras's bar, drawn or as one line at an epoch's end: `5/12 ━━━ 0s 13ms/step - loss: 2.34 - mae: 1.47`.

Its epoch stands on a line of its own, `Epoch 1/3`, which is read elsewhere (``counts``).
"""

from __future__ import annotations

import re
from dataclasses import replace

from pod_agent.progress import fields
from pod_agent.progress.reading import Reading, Source, count

_HEAD = re.compile(
    r"\s{0,8}(?P<n>\d{1,12})/(?P<total>\d{1,12})\s(?:[━=>.\[\] \-]{0,60})\s?(?:ETA: )?[\d:msh]{1,12}\s"
)
_PAIR = re.compile(r" - ([A-Za-z_][\w/.-]{0,38}): (\S{1,24})")


def read(text: str) -> Reading | None:
    """What the bar says; None where it is none of Keras's, or one of `evaluate` and `predict`, which say no loss."""
    if " - loss: " not in text:
        return None
    head = _HEAD.match(text)
    if head is None:
        return None
    said = fields.reading(_PAIR.findall(text), Source.BAR)
    if said is None:
        return None
    return replace(said, step=count(head["n"]), total=count(head["total"]), per_epoch=True)
