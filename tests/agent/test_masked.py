"""Masked reading: any range, any cut, while an attempt lives and after."""

from __future__ import annotations

import random

import pytest

from pod_agent.outputs.log import JobLog
from pod_agent.outputs.masked import MaskedLog, tail_offset
from pod_wire.masker import Masker
from pod_wire.secrets import Secret

SECRET = "hf_abcdefghijkl"


class Held:
    """A log, a masker for SECRET, and whether an attempt lives."""

    def __init__(self, folder, *secrets):
        self.log = JobLog(folder / "j")
        self.log.create()
        self.live = True
        self.masker = Masker([Secret(value) for value in secrets or (SECRET,)])
        self.masked = MaskedLog(self.log, self.masker, lambda: self.live)


@pytest.fixture
def held(tmp_path):
    return Held(tmp_path)


def test_every_range_of_a_log_is_the_range_of_the_masked_whole(held):
    """Wherever a range is cut, also inside a secret, it shows what the masked log has there."""
    held.live = False
    text = b"a" * 20 + SECRET.encode() + b"b" * 5 + SECRET.encode() * 2 + b"c" * 20
    held.log.append(text)
    whole = held.masker.mask(text)
    assert SECRET.encode() not in whole
    for start in range(len(text)):
        for stop in range(start, len(text) + 1):
            assert held.masked.read(start, stop - start) == whole[start:stop]


def test_a_beginning_of_a_secret_is_held_back_while_the_attempt_lives(held):
    """The tail that may become a secret is neither counted nor served, and comes once it cannot any more."""
    held.log.append(b"token: hf_abc")
    assert held.masked.end() == len(b"token: ")
    assert held.masked.read(0, 100) == b"token: "
    held.log.append(b"!")
    assert held.masked.read(0, 100) == b"token: hf_abc!"


def test_a_held_back_tail_is_released_when_the_attempt_is_over(held):
    """Nothing can follow it any more, so it is no secret."""
    held.log.append(b"token: hf_abc")
    held.live = False
    assert held.masked.read(0, 100) == b"token: hf_abc"


def test_a_secret_written_byte_by_byte_is_never_served(held):
    """Whoever reads after every byte gets, put together, the masked whole; the end never falls."""
    text = b"x" + SECRET.encode() + b"hf_hf_abc" + SECRET.encode()[:-1] + b"y\n" + SECRET.encode() + b"\n"
    got, last = b"", 0
    for at in range(len(text)):
        held.log.append(text[at : at + 1])
        end = held.masked.end()
        assert end >= last
        last = end
        got += held.masked.read(len(got), 1000)
    assert got == held.masker.mask(text)


def test_random_cuts_over_many_blocks_agree_with_the_whole(tmp_path):
    """Overlapping secrets across the borders of big reads are masked as their union (seeded)."""
    seeded = random.Random(11)
    held = Held(tmp_path, "abababababX", "bababababaY", "ZZZZZZZZZZ")
    held.live = False
    text = bytes(seeded.choice(b"abXYZ") for _ in range(20_000)) + b"ababababab" * 50 + b"XY" + b"Z" * 999
    held.log.append(text)
    whole = held.masker.mask(text)
    at, got = 0, b""
    while at < len(text):
        piece = held.masked.read(at, seeded.randrange(1, 700))
        got += piece
        at += len(piece)
    assert got == whole


def test_without_secrets_bytes_pass_unchanged(tmp_path):
    """No secret, no margin, no tail held back."""
    log = JobLog(tmp_path / "j")
    log.append(bytes(range(256)))
    masked = MaskedLog(log, Masker([]), lambda: True)
    assert masked.end() == 256
    assert masked.read(5, 5) == bytes(range(5, 10))


@pytest.mark.parametrize(
    ("text", "lines", "shown"),
    [
        (b"", 3, b""),
        (b"a\nb\nc\n", 0, b""),
        (b"a\nb\nc\n", 1, b"c\n"),
        (b"a\nb\nc", 1, b"c"),
        (b"a\nb\nc", 2, b"b\nc"),
        (b"a\nb\nc\n", 3, b"a\nb\nc\n"),
        (b"a\nb\nc\n", 9, b"a\nb\nc\n"),
        (b"\n\n\n", 2, b"\n\n"),
    ],
)
def test_the_tail_is_the_last_lines(held, text, lines, shown):
    """An unfinished line counts as one, too few lines mean all."""
    held.live = False
    held.log.append(text)
    with held.masked.view() as view:
        assert view.read(tail_offset(view, lines), 100) == shown


def test_the_tail_is_found_across_blocks(held):
    """Lines longer than a read are found in full."""
    held.live = False
    held.log.append(b"first\n" + b"x" * (3 << 20) + b"\nlast\n")
    with held.masked.view() as view:
        assert tail_offset(view, 1) == 6 + (3 << 20) + 1
        assert tail_offset(view, 2) == 6
        assert tail_offset(view, 3) == 0
