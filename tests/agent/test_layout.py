"""``.metadata`` of torch.distributed.checkpoint: one of a run is followed, the next are held against it."""

from __future__ import annotations

import struct

import pytest

from pod_agent.outputs.checkpoints.candidate import NotWhole, Unproved
from pod_agent.outputs.checkpoints.layout import Layouts
from tests.agent.pickled_classes import dcp_metadata
from tests.story.seen import dice

FILES = {"__0_0.distcp": 90_000, "__1_0.distcp": 60_000}


class Told:
    """What one reader says of such bytes: what they promise, or why they are refused."""

    def __init__(self, path, most_kept=4 << 20):
        self.path = path
        self.layouts = Layouts(most_kept)

    def __call__(self, data):
        self.path.write_bytes(data)
        try:
            return self.layouts.read(self.path, len(data))
        except (NotWhole, Unproved) as why:
            return str(why)


@pytest.fixture
def told(tmp_path):
    return Told(tmp_path / ".metadata")


def framed(data):
    """With the length of its only frame set right."""
    return data[:3] + struct.pack("<Q", len(data) - 11) + data[11:]


@pytest.mark.parametrize("pieces", [1, 3, 400])
def test_the_next_of_a_run_is_told_without_being_followed(told, pieces):
    """Other path, other id, other length, several frames: the same files of the same length are promised."""
    first = told(dcp_metadata(FILES, pieces, 100, saved="/workspace/out/step-100"))
    assert {name: piece.at + piece.length for name, piece in first.last.items()} == FILES
    again = told(dcp_metadata(FILES, pieces, 100, saved="/workspace/out/step-1000"))
    assert again == first
    assert told.layouts.followed == 1


def test_one_of_other_lengths_is_followed(told):
    """A piece that moved by a byte is another promise."""
    first = told(dcp_metadata(FILES, 3, 100))
    other = told(dcp_metadata(FILES | {"__1_0.distcp": 60_001}, 3, 100))
    assert other != first
    assert other.last["__1_0.distcp"].at + other.last["__1_0.distcp"].length == 60_001
    assert told.layouts.followed == 2


def test_several_folders_of_a_run_are_known_side_by_side(told):
    """The model's and the optimizer's, in turn."""
    for saved in ("a/model", "b/model", "c/model"):
        told(dcp_metadata(FILES, 3, 100, saved=saved))
        told(dcp_metadata({"__0_0.distcp": 5000}, 2, 100, saved=saved))
    assert told.layouts.followed == 2


def test_whatever_was_changed_in_the_next_is_told_as_if_it_came_first(told):
    """Bytes flipped, zeroed, taken out and put in: the answer never depends on what was seen before."""
    rng = dice("metadata")
    whole = dcp_metadata(FILES, 3, 100, saved="/workspace/out/step-100")
    known = 0
    for _ in range(300):
        data = bytearray(dcp_metadata(FILES, 3, 100, saved=f"/workspace/out/step-{rng.randrange(10**6)}"))
        at = rng.randrange(len(data)) if rng.random() < 0.5 else len(data) - 1 - rng.randrange(180)
        how = rng.randrange(5)
        if how == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif how == 1:
            data[at : at + 16] = bytes(len(data[at : at + 16]))
        elif how == 2:
            del data[at : at + rng.randrange(1, 9)]
        elif how == 3:
            data[at:at] = rng.randbytes(rng.randrange(1, 9))
        else:
            data = data[:at]
        alone = Told(told.path)(bytes(data))
        told(whole)
        after = told(bytes(data))
        assert after == alone, (how, at, bytes(data))
        known += not isinstance(after, str)
    assert known > 10, "some of them only changed a text"


@pytest.mark.parametrize(
    "name", [("posix", "system"), ("builtins", "eval"), ("subprocess", "Popen"), ("os.path", "os")]
)
def test_a_program_in_place_of_a_path_is_refused(told, name):
    """The texts that may differ name a class, too: not one that runs something."""

    def named(module, member):
        made = b"".join(b"\x8c" + bytes([len(text)]) + text.encode() + b"\x94" for text in (module, member))
        made += b"\x93\x94\x8c\x03out\x94\x85\x94R\x94"
        return framed(dcp_metadata(FILES, 3, 100, saved="#").replace(b"\x8c\x01#\x94", made))

    assert not isinstance(told(named("pathlib", "PosixPath")), str)
    assert not isinstance(told(named("pathlib", "PurePosixPath")), str)
    assert "loading it would run" in told(named(*name))


def test_a_very_long_one_is_followed_each_time(tmp_path):
    """What is remembered is bounded."""
    told = Told(tmp_path / ".metadata", most_kept=1000)
    assert told(dcp_metadata(FILES, 30, 100)) == told(dcp_metadata(FILES, 30, 100))
    assert told.layouts.followed == 2
