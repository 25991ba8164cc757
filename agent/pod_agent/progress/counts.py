"""Lines that say a step, an iteration or an epoch in words: most training loops, nanoGPT, Megatron, fairseq, DeepSpeed.

Every repetition in a pattern is bounded, so that no line costs more than its length. Not here: bars, JSON.
"""

from __future__ import annotations

import re

from pod_agent.progress import fields
from pod_agent.progress.reading import Reading, Source, count, number, positive

_WORDS = ("step", "iter", "epoch", "loss", "update", "batch")
_INT = r"\d{1,3}(?:,\d{3}){1,4}(?![\d,])|\d{1,15}"
_STEP = re.compile(
    r"(?<![A-Za-z0-9])(?P<before>[A-Za-z]{0,24}[ _]{0,2})"
    r"(?P<word>global[ _]step|num_updates|step|steps|iter|iters|iteration|iterations|it|batch)\b"
    r"[ :=#\t]{0,12}[\[(]?\s{0,12}"
    rf"(?P<n>{_INT})(?![\d.]*[A-Za-z%])(?!\.\d)(?:\s{{0,8}}(?:/|of|out of)\s{{0,8}}(?P<total>{_INT}))?",
    re.IGNORECASE,
)
_EPOCH = re.compile(
    r"(?<![A-Za-z])epoch\b[ :=#\t]{0,6}[\[(]?\s{0,6}(?P<n>\d{1,9}(?:\.\d{1,9})?)"
    r"(?:\s{0,3}(?:/|of)\s{0,3}(?P<total>\d{1,9}))?",
    re.IGNORECASE,
)
_SHARE = re.compile(r"epoch[ :=#]{0,4}\d{1,9}\s{1,4}[\[(](?P<n>\d{1,15})/(?P<total>\d{1,15})", re.IGNORECASE)
_FAIRSEQ = re.compile(r"\bepoch \d{1,6}:\s{1,12}(?P<n>\d{1,12}) / (?P<total>\d{1,12})\s")
_LOSS = re.compile(
    r"(?<![A-Za-z])(?:(?P<kind>[A-Za-z]{2,12})[ _/]{1})?loss[ _]?(?:train)?[ \t]{0,4}[:=]{0,2}[ \t]{0,8}[\[(]?"
    r"(?P<value>[+-]?(?:\d{1,15}(?:\.\d{0,20})?(?:[eE][+-]?\d{1,3})?|nan|inf))(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_PAIR = re.compile(
    r"(?<![\w/.-])([A-Za-z_][\w/.-]{0,38})\s{0,2}[:=]\s{0,4}([+-]?\d{1,12}(?:\.\d{0,16})?(?:[eE][+-]?\d{1,3})?)(?![\w:])"
)
_NOT_TRAINING = re.compile(r"val|eval|test|dev|best|min|low|prev", re.IGNORECASE)
_TOTAL = re.compile(r"(?:total|max|num|optimization|training)[ _]{0,2}\Z", re.IGNORECASE)
_OWN = re.compile(r"(?:global|train|training|current|the|at|in|after|on|starting)?[ _]{0,2}\Z", re.IGNORECASE)
_SAMPLES = re.compile(r"Num Epochs\s{0,2}=\s{0,2}(?P<n>[\d,]{1,12})")
LOOKED_AT = 1200  # characters


def read(text: str) -> Reading | None:
    """What the line says; None where it says nothing of a training."""
    text = text[:LOOKED_AT]
    low = text.lower()
    if not any(word in low for word in _WORDS):
        return None
    if low.startswith("podkeep:"):
        return None  # our own words
    step, total, is_global = _step(text)
    epoch, epochs = _epoch(text)
    loss = _loss(text)
    share = _SHARE.search(text) or _FAIRSEQ.search(text)
    per_epoch = step is not None and total is not None and epoch is not None and not is_global
    if share is not None and step is None:
        step, total, per_epoch = count(share["n"]), count(share["total"]), True
    if step is None and total is None and epoch is None and epochs is None and loss is None:
        return None
    pairs: dict[str, object] = dict(_PAIR.findall(text)[: fields.MOST])
    scalars = fields.scalars({fields.plain(name): value for name, value in pairs.items()})
    return Reading(Source.LINE, step, total, epoch, epochs, loss, scalars, per_epoch)


def _step(text: str) -> tuple[int | None, int | None, bool]:
    """The step, its total, and whether it is counted over the whole training."""
    step, total, is_global = None, None, False
    for found in _STEP.finditer(text):
        word, before = found["word"].lower().replace(" ", "_"), found["before"]
        if _TOTAL.search(before) and word in {"steps", "iters", "iterations"}:
            total = total if total is not None else count(found["n"])
        elif word == "batch" and step is not None:
            continue
        elif _OWN.match(before) and not is_global:
            now = word in {"global_step", "num_updates"} or before.lower().startswith("global")
            if step is None or now:
                step, is_global = count(found["n"]), now
                total = count(found["total"]) if found["total"] else None if now else total
    return step, total, is_global


def _epoch(text: str) -> tuple[float | None, float | None]:
    told = _SAMPLES.search(text)
    if told is not None:
        return None, number(told["n"])
    found = _EPOCH.search(text)
    if found is None:
        return None, None
    return positive(found["n"]), positive(found["total"])


def _loss(text: str) -> float | None:
    """The training's; an evaluation's on the same line is another."""
    for found in _LOSS.finditer(text):
        if not found["kind"] or not _NOT_TRAINING.search(found["kind"]):
            return number(found["value"])
    return None
