"""Progress bars of tqdm and of Lightning, from their lines: the training's, not an evaluation's or a download's.

What a bar counts is told by the words before it and its unit. Not here: Keras's bar, and joining bars.
"""

from __future__ import annotations

import re

from pod_agent.progress import fields
from pod_agent.progress.reading import Reading, Source, count

NAMED, PLAIN, NESTED = 0, 1, 2  # ranks: one that says train or epoch, one without words, one below another
_OTHER = re.compile(
    r"eval|valid|test|sanity|predict|infer|download|upload|fetch|load|map|filter|token|generat|saving|writing|"
    r"shard|pack|process|extract|comput|resolv|cache|caching|convert|prepar|collect|read|scan|sampl|encod|decod|"
    r"build|merg|quantiz|warm|compress|unzip|import|render|\.(?:bin|safetensors|pt|json|gz|zip|parquet)\b",
    re.IGNORECASE,
)
_TRAIN = re.compile(r"train|step|iter|fit|learn|optim|progress|epoch", re.IGNORECASE)
_EPOCH = re.compile(r"\bepoch\b[ :=#\[(]{0,3}(\d{1,9})(?:\s{0,2}(?:/|of)\s{0,2}(\d{1,9}))?", re.IGNORECASE)
_COUNTED = re.compile(
    r"\s{0,8}(?P<n>[\d.]{1,15}[kMGTP]?)/(?P<total>[\d.]{1,15}[kMGTP]?|\?)\s{0,2}"
    r"\[[^,\]]{1,40}(?:,\s{0,4}(?P<rate>[\d.?e+-]{1,16}\s?[^,\]\s]{0,24}))?(?P<more>,[^\]]{0,600})?\]"
)
_ENDLESS = re.compile(r"(?:(?P<words>[^:]{0,80}):\s)?(?P<n>\d{1,15})it\s\[(?:[^\]]{0,80})\]")
_RICH = re.compile(
    r"Epoch (?P<epoch>\d{1,9})/(?P<last>-?\d{1,9})\s{1,4}[━╸╺╴╶\- ]{0,200}\s{0,4}(?P<n>\d{1,15})/(?P<total>\d{1,15})\s"
)
_PAIR = re.compile(r"([A-Za-z_][\w/ .-]{0,38})=([^,\]=]{1,24})")
_STEP_UNITS = re.compile(
    r"(?:it|step|steps|batch|batches|iter|iters|update|updates)/s|s/(?:it|step|batch|iter|update)"
)


def read(text: str, *, nested: bool) -> Reading | None:
    """What a bar says of the training; None where it is another's, or no bar."""
    at = text.rfind("%|")
    if at >= 0:
        return _with_total(text[:at], text[at + 2 :], nested=nested)
    if text.startswith("Epoch ") and (rich := _RICH.match(text)) is not None:
        last = count(rich["last"])
        return Reading(
            Source.BAR,
            step=count(rich["n"]),
            total=count(rich["total"]),
            epoch=float(rich["epoch"]) + 1,  # Lightning counts from 0, and says the last one
            epochs=None if last is None else float(last) + 1,
            per_epoch=True,
        )
    if "it [" in text and (endless := _ENDLESS.match(text.strip())) is not None:
        words = endless["words"] or ""
        if _OTHER.search(words):
            return None
        return Reading(Source.BAR, step=count(endless["n"]), rank=NESTED if nested else PLAIN)
    return None


def _with_total(before: str, after: str, *, nested: bool) -> Reading | None:
    found = _COUNTED.match(after[after.find("|") + 1 :])
    words = before[-160:].rstrip("0123456789").strip().removesuffix(":").strip()
    if found is None or _OTHER.search(words):
        return None
    step, total = count(found["n"]), count(found["total"])
    unit = (found["rate"] or "").lstrip("0123456789.?e+- ")
    if step is None or (unit and not _STEP_UNITS.fullmatch(unit)):
        return _epochs(unit, step, total)
    said = fields.reading(_PAIR.findall(found["more"] or ""), Source.BAR)
    loss, scalars = (said.loss, said.scalars) if said is not None else (None, ())
    epoch = _EPOCH.search(words)
    if epoch is not None:
        of = None if epoch[2] is None else float(epoch[2])
        return Reading(
            Source.BAR, step, total, float(epoch[1]), of, loss, scalars, per_epoch=True, rank=NAMED
        )
    if words.lower() in {"epoch", "epochs"}:
        return Reading(
            Source.BAR, epoch=float(step), epochs=None if total is None else float(total), loss=loss
        )
    rank = NAMED if _TRAIN.search(words) else NESTED if nested or words else PLAIN
    return Reading(Source.BAR, step, total, loss=loss, scalars=scalars, rank=rank)


def _epochs(unit: str, step: int | None, total: int | None) -> Reading | None:
    """A bar whose unit is the epoch counts those that are over."""
    if step is None or "epoch" not in unit.lower():
        return None
    return Reading(Source.BAR, epoch=float(step), epochs=None if total is None else float(total))
