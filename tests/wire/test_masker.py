"""Secrets become stars, byte for byte."""

import base64
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_wire.masker import Masker
from pod_wire.secrets import Secret

TOKEN = "hf_QwErTyUiOpAsDfGhJkLzXcVbNm0123"
ODD = "p@ss/w+rd=:%&key?~\u00e9"


def _masker(*values):
    return Masker([Secret(value) for value in values])


def _naive(needles, data):
    """Every position of every needle, looked at one by one; the union becomes stars."""
    hit = [False] * len(data)
    for needle in needles:
        for at in range(len(data) - len(needle) + 1):
            if data[at : at + len(needle)] == needle:
                hit[at : at + len(needle)] = [True] * len(needle)
    return bytes(ord("*") if hit[i] else byte for i, byte in enumerate(data))


SMALL = st.text(alphabet="ab", min_size=8, max_size=14)


@given(
    st.lists(SMALL, min_size=1, max_size=3),
    st.lists(st.sampled_from(["a", "b", "ab", "*", "\n"]), max_size=60),
    st.data(),
)
def test_the_union_of_all_matches_is_masked(values, noise, data):
    """Whatever overlaps, exactly the bytes that belong to a match become stars."""
    masker = _masker(*values)
    pieces = data.draw(
        st.lists(st.sampled_from([*values, *(value[:-1] for value in values), *noise]), max_size=12)
    )
    text = "".join(pieces).encode()
    assert masker.mask(text) == _naive([needle.data for needle in masker._needles], text)


@given(st.lists(SMALL, min_size=1, max_size=3), st.text(alphabet="ab", max_size=40))
def test_held_is_the_longest_end_that_begins_a_needle(values, tail):
    """What is held back is the longest end of the data that is a proper beginning of a needle."""
    masker = _masker(*values)
    data = tail.encode()
    needles = [needle.data for needle in masker._needles]
    naive = max(
        (
            k
            for needle in needles
            for k in range(1, len(needle))
            if len(data) >= k and data.endswith(needle[:k])
        ),
        default=0,
    )
    assert masker.held(data) == naive


@given(st.text(alphabet="abc", min_size=8, max_size=12), st.integers(0, 200), st.binary(max_size=300))
def test_no_split_leaks_when_the_held_end_waits(value, cut, noise):
    """Masking two halves, with the held end carried over, gives what masking the whole gives."""
    masker = _masker(value)
    whole = noise + value.encode() + noise
    cut = min(cut, len(whole))
    first = whole[:cut]
    shown = len(first) - masker.held(first)
    head = masker.mask(first)[:shown]
    context = max(0, shown - masker.longest + 1)
    tail = masker.mask(whole[context:])[shown - context :]
    assert head + tail == masker.mask(whole)


def test_length_never_changes():
    """Offsets stay true: the masked text is as long as the text."""
    data = f"a {TOKEN} b {ODD} c".encode()
    masked = _masker(TOKEN, ODD).mask(data)
    assert len(masked) == len(data)
    assert TOKEN.encode() not in masked
    assert masked.startswith(b"a ***")
    assert masked.endswith(b"*** c")


def test_nothing_is_copied_when_nothing_matches():
    """Data without a secret comes back as the very same object."""
    data = b"no secret here " * 1000
    assert _masker(TOKEN).mask(data) is data
    assert _masker().mask(data) is data


def test_a_bytearray_is_read_and_never_changed():
    """A buffer that is used again may be passed; bytes come back."""
    buffer = bytearray(b"x " + TOKEN.encode())
    assert _masker(TOKEN).mask(buffer) == b"x " + b"*" * len(TOKEN)
    assert buffer.endswith(TOKEN.encode())
    assert type(_masker("otherwise-unused").mask(buffer)) is bytes


@pytest.mark.parametrize(
    "form", [quote, quote_plus, lambda text: quote(text, safe=""), lambda t: quote(t, safe="").lower()]
)
def test_url_encoded_forms_are_masked(form):
    """A secret inside a URL is a secret, whichever way it was quoted."""
    text = form(ODD)
    masked = _masker(ODD).mask(b"GET /?key=" + text.encode() + b" HTTP")
    assert masked == b"GET /?key=" + b"*" * len(text) + b" HTTP"


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("before", [b"", b"u", b"us", b"use", b"user:"])
@pytest.mark.parametrize("after", [b"", b"x", b"xy", b"xyz"])
@pytest.mark.parametrize("value", [TOKEN, ODD, "8 bytes!", "\u00ff\u00fe\u00ff\u00fb\u00bf\u00ff\u00ef"])
def test_base64_of_any_alignment_is_masked(encode, before, after, value):
    """Wherever the secret stands in what was encoded, every character of its bits alone is masked."""
    raw = value.encode()
    encoded = encode(before + raw + after)
    masked = _masker(value).mask(encoded)
    first, last = -(-len(before) * 8 // 6), (len(before) + len(raw)) * 8 // 6
    assert masked[first:last] == b"*" * (last - first)
    assert masked[:first] == encoded[:first]
    assert masked[last:] == encoded[last:]


def test_values_under_eight_bytes_are_left():
    """A short value would blank half of the log."""
    masker = _masker("1234567", "  ", "")
    assert masker.longest == 0
    assert masker.mask(b"1234567") == b"1234567"


def test_lines_of_a_key_are_masked_one_by_one():
    """A program that prints a key line by line, or indented, shows nothing of it but its banner."""
    lines = [
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU",
        "short",
        "QyNTUxOQAAACDfoo12345",
    ]
    masked = _masker("\n".join(lines)).mask(b"  " + lines[1].encode() + b"\r\nshort\r\n" + lines[3].encode())
    assert masked == b"  " + b"*" * len(lines[1]) + b"\r\nshort\r\n" + b"*" * len(lines[3])


def test_a_value_with_spaces_around_it_is_masked_without_them():
    """A token read from a file has a line end; the log has it without."""
    assert _masker(TOKEN + "\n").mask(TOKEN.encode()) == b"*" * len(TOKEN)


def test_a_value_that_is_no_utf8_is_masked_as_its_bytes():
    """What an environment holds as raw bytes is found as these bytes; half a surrogate pair breaks nothing."""
    raw = b"\xff\xfesecret\x80"
    assert _masker(raw.decode("utf-8", "surrogateescape")).mask(b"a" + raw) == b"a" + b"*" * len(raw)
    assert _masker("half \ud800 a pair").longest > 0


def test_longest_covers_the_encoded_forms():
    """The margin to read around a range is that of the longest form, not of the value."""
    assert _masker(ODD).longest >= len(quote(ODD, safe=""))


def test_long_runs_of_a_repeating_secret_take_no_time():
    """A secret of one letter in a log of that letter is no way to hang the agent."""
    masker = _masker("a" * 12, "abababab")
    data = b"a" * 3_000_000 + b"b" * 5 + b"ab" * 1_000_000
    began = time.thread_time()  # of ours alone, whoever else is at work on this machine
    masked = masker.mask(data)
    assert time.thread_time() - began < 2.0
    assert masked[:3_000_000] == b"*" * 3_000_000
    assert set(masked[-2_000_000:]) == {ord("*")}


def test_four_secrets_cost_little():
    """Text without a match passes at 500 MB/s; half of it is asked, as tests run beside others."""
    masker = _masker(TOKEN, "ghp_" + "Zx9" * 12, "0123456789abcdef" * 2, "sk-ant-" + "Qq7-" * 9)
    data = b"epoch 3 step 1200 loss=0.23518 lr=3e-4 [####    ] 3.2it/s eta 00:10:31\n" * 14_000
    best = min(_seconds(masker, data) for _ in range(5))
    assert len(data) / best > 250e6


def _seconds(masker, data):
    began = time.thread_time()
    assert masker.mask(data) is data
    return time.thread_time() - began
