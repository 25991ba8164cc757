"""Secrets in a stretch of log become stars, the same number of bytes, so that offsets stay true.

Each needle is searched with ``bytes.find``, which beats one regex for few secrets; the union of all matches is
masked, overlaps included. Not here: which values are secrets (secrets.py), and reading around a range's edges.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus

from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pod_wire.secrets import Secret

LEAST_BYTES: Final = 8  # shorter values are not masked: they would blank half of a log
LEAST_LINE_BYTES: Final = 16  # the same for one line of a secret of many lines
_RUN_BYTES: Final = 4096
_RARE_FIRST: Final = b"QZXJKVYWBHUGFPNMOLDCRTSAIEqzjxkv9876543210+/_-%=wybgpfmhuclindraetso"
_PERCENT: Final = re.compile(r"%[0-9A-F]{2}")


@dataclass(frozen=True, slots=True)
class _Needle:
    data: bytes
    rare: tuple[int, ...]  # its bytes that a log holds least often
    period: int  # how far after a match the next one can begin
    run: bytes  # the needle repeated onto itself, to pass over long runs in one step; empty when it cannot be


class Masker:
    """Knows the secrets, their URL-encoded and base64 forms, and their lines. Immutable, so threads may share it."""

    __slots__ = ("_needles", "longest")

    def __init__(self, secrets: Iterable[Secret]) -> None:
        forms = {form for secret in secrets for form in _forms(secret.reveal())}
        self._needles = tuple(_needle(form) for form in sorted(forms, key=lambda form: (-len(form), form)))
        self.longest: int = max(map(len, forms), default=0)

    def mask(self, data: bytes | bytearray) -> bytes:
        """The data with every byte of every match as a star; the very same object when nothing matches."""
        spans: list[tuple[int, int]] = []
        for needle in self._needles:
            if all(byte in data for byte in needle.rare):
                spans.extend(_matches(needle, data))
        if not spans:
            return data if isinstance(data, bytes) else bytes(data)
        pieces: list[bytes | bytearray] = []
        done = 0
        for start, end in _merged(spans):
            pieces.append(data[done:start])
            pieces.append(b"*" * (end - start))
            done = end
        pieces.append(data[done:])
        return b"".join(pieces)

    def held(self, tail: bytes) -> int:
        """How many bytes at the end may be the beginning of a secret: the longest end that begins a needle."""
        most = 0
        for needle in self._needles:
            most = max(most, _begun(needle.data, tail, most))
        return most


def _begun(needle: bytes, tail: bytes, known: int) -> int:
    """The longest proper prefix of ``needle`` that ``tail`` ends with, if longer than ``known``; else 0."""
    at = tail.find(needle[:1], max(0, len(tail) - len(needle) + 1))
    while at >= 0 and len(tail) - at > known:
        if needle.startswith(tail[at:]):
            return len(tail) - at
        at = tail.find(needle[:1], at + 1)
    return 0


def _matches(needle: _Needle, data: bytes | bytearray) -> Iterator[tuple[int, int]]:
    length, run = len(needle.data), needle.run
    at = data.find(needle.data)
    while at >= 0:
        if run and data.startswith(run, at):
            yield at, at + len(run)
            at += len(run) - length + needle.period  # both are whole periods apart
        else:
            yield at, at + length
            at += needle.period
        at = data.find(needle.data, at)


def _merged(spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    spans.sort()
    start, end = spans[0]
    for next_start, next_end in spans:
        if next_start > end:
            yield start, end
            start = next_start
        end = max(end, next_end)
    yield start, end


def _needle(form: bytes) -> _Needle:
    rare = sorted(set(form), key=lambda byte: _RARE_FIRST.find(byte) % 256)[:4]
    period = _period(form)
    run = b""
    if period < len(form):
        run = form + form[len(form) - period :] * (_RUN_BYTES // period)
    return _Needle(form, tuple(rare), period, run)


def _period(form: bytes) -> int:
    """The least shift at which the needle overlaps itself; its length when it does not (Knuth-Morris-Pratt)."""
    border = [0] * len(form)
    length = 0
    for i in range(1, len(form)):
        while length and form[i] != form[length]:
            length = border[length - 1]
        if form[i] == form[length]:
            length += 1
        border[i] = length
    return len(form) - length


def _forms(value: str) -> set[bytes]:
    """Every spelling in which a secret turns up in a log."""
    text = value.strip()
    raw = _raw(text)
    if len(raw) < LEAST_BYTES:
        return set()
    forms = {raw}
    for quoted in (quote(raw), quote(raw, safe=""), quote_plus(raw)):
        forms.add(quoted.encode())
        forms.add(_PERCENT.sub(lambda match: match[0].lower(), quoted).encode())
    for shift in range(3):
        forms.update(_base64_middles(raw, shift))
    if not text.startswith("{"):  # the lines of a JSON document are mostly no secrets
        lines = re.split(r"\r?\n|\\r\\n|\\n", text)
        pure = (_raw(line.strip()) for line in lines)
        forms.update(line for line in pure if len(line) >= LEAST_LINE_BYTES and not line.startswith(b"-----"))
    return forms


def _raw(text: str) -> bytes:
    """The bytes as an environment holds them, also where they are no UTF-8."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a surrogate pair, from a JSON document
        return text.encode("utf-8", "surrogatepass")


def _base64_middles(raw: bytes, shift: int) -> tuple[bytes, bytes]:
    """What base64 makes of the value ``shift`` bytes into a group of three, less what its neighbours decide."""
    padded = bytes(shift) + raw
    first = (0, 2, 3)[shift]
    last = len(padded) * 8 // 6  # characters that hold nothing but bits of ours
    plain = base64.b64encode(padded)[first:last]
    return plain, plain.translate(bytes.maketrans(b"+/", b"-_"))
