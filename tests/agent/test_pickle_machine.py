"""Pickles are followed, never unpickled: what a hostile one may cost, and what a good one tells."""

from __future__ import annotations

import collections
import contextlib
import io
import pickle
import struct
import tracemalloc

import pytest

from pod_agent.outputs.checkpoints import pickles
from pod_agent.outputs.checkpoints.candidate import NotWhole, Unproved
from pod_agent.outputs.checkpoints.formats import pickle_file
from pod_agent.outputs.checkpoints.machine import Made

MEGABYTE = 1 << 20


def check(data):
    return pickle_file.check(io.BytesIO(data), len(data))


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_are_told(protocol):
    """Every protocol gives the plain values at the top, and names what it does not make."""
    value = {
        "step": 5,
        "text": "ä",
        "list": [1, 2.5, None, True],
        "pair": (1, "x"),
        "large": 2**70,
        "small": -3,
    }
    more = {
        "ordered": collections.OrderedDict(a=1),
        "set": {1, 2},
        "frozen": frozenset({1}),
        "bytes": b"x" * 9,
    }
    told = pickles.load(pickle.dumps({**value, **more}, protocol))
    assert {name: told[name] for name in value} == value
    assert told["ordered"] == {"a": 1}


def test_several_pickles_in_one_file_are_all_followed():
    """What is written with one dump after the other is whole with the last STOP; its first tells the step."""
    data = pickle.dumps({"step": 3}) + pickle.dumps([1, 2])
    assert check(data) == 3
    with pytest.raises(NotWhole):
        check(data[:-1])
    with pytest.raises(NotWhole):
        check(data + b"\0")


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04N" + b"r" + struct.pack("<I", 2**32 - 1) + b".",  # a memo of four billion entries
        b"\x80\x04N" + b"p4000000000\n.",
        b"\x80\x04" + b"(" * 20_000 + b"t" * 20_000 + b".",  # tuples in tuples
        b"\x80\x04" + b"]" + b"\x94h\x00a" * 20_000 + b".",  # a list in itself
        b"\x80\x04)" + b"2\x86" * 60 + b".",  # two to the sixtieth empty tuples, if anybody counted them
        b"}" + b")" + b"\x85" * 20_000 + b"Ns.",  # a key that takes long to hash
        b"\x80\x04\x8a\xff" + b"\x7f" * 255 + b".",
        b"I" + b"9" * 5_000 + b"\n.",  # a number of many digits
    ],
)
def test_a_bomb_costs_next_to_nothing(data):
    """Deep, endless, huge or many: following it takes no room to speak of, and ends."""
    tracemalloc.start()
    try:
        with contextlib.suppress(NotWhole):
            pickles.load(data)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 40 * MEGABYTE


@pytest.mark.parametrize(
    "head",
    [
        b"\x8e" + struct.pack("<Q", 1 << 62),  # bytes
        b"B" + struct.pack("<I", 2**32 - 1),
        b"\x8d" + struct.pack("<Q", 1 << 40),  # text
        b"\x95" + struct.pack("<Q", 1 << 50),  # a frame
        b"\x8b" + struct.pack("<I", 2**31),  # a number
    ],
)
def test_a_promise_of_more_than_there_is_means_cut_off(head):
    """Nothing is set aside for what a pickle promises and does not hold."""
    with pytest.raises(NotWhole, match="cut off"):
        pickles.load(b"\x80\x04" + head + b".")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("posix", "system"),
        ("subprocess", "Popen"),
        ("builtins", "eval"),
        ("__builtin__", "exec"),
        ("os.path", "x"),
    ],
)
def test_what_would_run_a_program_is_refused_by_name(module, name):
    """No checkpoint needs these, so one that names them is nothing to resume from."""
    for data in (f"c{module}\n{name}\n(tR.".encode(), f"(i{module}\n{name}\n.".encode()):
        with pytest.raises(NotWhole, match=f"would run {module}.{name}"):
            pickles.load(data)
    new = (
        b"\x80\x04\x8c"
        + bytes([len(module)])
        + module.encode()
        + b"\x8c"
        + bytes([len(name)])
        + name.encode()
    )
    with pytest.raises(NotWhole, match="would run"):
        pickles.load(new + b"\x93)R.")


def test_what_a_pickle_wants_made_is_only_named():
    """A class is never looked up: the machine keeps its name and what it would be given."""
    told = pickles.load(b"cno.such.module\nThing\n(I1\ntR.")
    assert isinstance(told, Made)
    assert (told.by.module, told.by.name, told.args) == ("no.such.module", "Thing", (1,))


def test_one_of_millions_of_values_is_followed_by_its_frames():
    """A long pickle is not walked value by value: its frames say their lengths, and a cut shows."""
    data = pickle.dumps({"step": 1, "w": [[n] for n in range(110_000)]}, 4)
    assert check(data) is None
    with pytest.raises(NotWhole):
        check(data[:-1])
    with pytest.raises(NotWhole):
        check(data[:-5000] + b".")


def test_without_frames_a_long_one_is_left_unproved():
    """Older protocols say no length: then an earlier look, or rest, has to prove it."""
    data = pickle.dumps([[n] for n in range(110_000)], 2)
    with pytest.raises(Unproved):
        check(data)
    with pytest.raises(NotWhole):
        check(data[:-1])
