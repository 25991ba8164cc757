"""The packed copy of an environment: whole and the same, or thrown away; never in anybody's way."""

from __future__ import annotations

import json
import os
import struct
import threading
import zlib
from dataclasses import replace
from hashlib import sha256

import pytest

from pod_agent.run.environment.packs import census, form
from pod_agent.run.environment.packs.shelf import Limits, Shelf
from tests.agent.packed_place import REAL, SITE, PackedPlace, listing
from tests.story.seen import dice


@pytest.fixture
def place(tmp_path):
    made = PackedPlace(tmp_path)
    made.fill()
    return made


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """One pack for many a damage."""
    made = PackedPlace(tmp_path_factory.mktemp("packed"))
    made.fill(large=form.BLOCK + 1000)
    assert made.make()
    made.whole = made.pack.read_bytes()
    made.kept = made.away()
    return made


def test_what_comes_back_is_what_was_packed(place):
    """Contents, modes, times, links, odd names and empty folders are the same; drafts of byte code stay behind."""
    assert place.make()
    assert place.warned == []
    before = place.away()
    assert place.unpack()
    assert b"unpacked" in place.log
    wanted, found = listing(before), listing(place.env)
    del wanted["podkeep.json"]  # the mark is the install step's to write
    del wanted["podkeep.census"], found["podkeep.census"]  # new, though it says the same
    del wanted[f"{SITE}/a/__pycache__/empty.cpython-311.pyc.139872"]
    assert found == wanted
    assert census.take(place.env) == census.take(before)


def test_an_unpacked_environment_can_be_packed_again(place):
    """Where the pack was lost meanwhile, the next training makes another."""
    place.make()
    place.away()
    place.unpack()
    (place.env / "podkeep.json").write_text((place.env.parent.parent / "as it was/podkeep.json").read_text())
    place.pack.unlink()
    assert place.make()
    assert place.warned == []


@pytest.mark.slow
def test_a_pack_that_is_cut_anywhere_is_thrown_away(packed):
    """Every length but the whole one is found out before anything is trusted, and the pack is removed."""
    random_ = dice("damage")
    size = len(packed.whole)
    for length in {0, 1, 50, size - 1, size // 2, *(random_.randrange(size) for _ in range(8))}:
        packed.pack.write_bytes(packed.whole[:length])
        assert not packed.unpack(), length
        assert b"cannot be used: it" in packed.log
        assert b"thrown away" in packed.log
        assert not packed.env.exists()
        assert not packed.pack.exists()


@pytest.mark.slow
def test_a_changed_byte_anywhere_is_found(packed):
    """A bit that turned on the way is noticed, in a file's bytes, in the index and in the foot."""
    random_ = dice("damage")
    size = len(packed.whole)
    for at in {0, size - 1, size - 40, size - 90, *(random_.randrange(size) for _ in range(8))}:
        data = bytearray(packed.whole)
        data[at] ^= 1 << random_.randrange(8)
        packed.pack.write_bytes(data)
        assert not packed.unpack(), at
        assert not packed.env.exists()
        assert not packed.pack.exists()


def forged(packed, change):
    """A pack with a good foot, whose index somebody altered."""
    foot = struct.Struct(">16sIQQ32s")
    magic, version, at, length, _ = foot.unpack(packed.whole[-foot.size :])
    told = json.loads(zlib.decompress(packed.whole[at : at + length]))
    change(told)
    body = zlib.compress(json.dumps(told).encode())
    return packed.whole[:at] + body + foot.pack(magic, version, at, len(body), sha256(body).digest())


def _escape_by_name(told):
    told["files"]["name"][0] = "../../escaped"


def _escape_by_folder(told):
    told["folders"].append(["../outside", 0o755])


def _escape_by_link(told):
    told["links"].append([0, "../link", "/etc"])


def _folder_of_nobody(told):
    told["files"]["folder"][0] = 10_000


def _wrong_kind(told):
    told["files"]["size"][0] = "many"


def _bytes_of_nobody(told):
    told["blocks"].pop()


def _negative(told):
    told["blocks"][0][2] = -1


def _no_facts(told):
    del told["facts"]


@pytest.mark.parametrize(
    "change",
    [
        _escape_by_name, _escape_by_folder, _escape_by_link, _folder_of_nobody,
        _wrong_kind, _bytes_of_nobody, _negative, _no_facts,
    ],
)  # fmt: skip
def test_an_index_that_leads_outside_or_lies_is_refused(packed, change):
    """Nothing is written outside of the environment, whatever the index says, and nothing is left inside."""
    packed.pack.write_bytes(forged(packed, change))
    around = set(packed.envs.parent.rglob("*"))
    assert not packed.unpack()
    assert set(packed.envs.parent.rglob("*")) == around


@pytest.mark.parametrize(
    ("fact", "value"),
    [("place", "/elsewhere"), ("name", "another"), ("python", "/usr/bin/other"), ("version", "3.9.1")],
)
def test_a_pack_of_something_else_is_refused(place, fact, value):
    """Another path, environment or Python is not what this pod needs, however whole the pack is."""
    place.shelf.folder.mkdir(parents=True)
    assert place.write_pack(place.pack, **{fact: value}).problem == ""
    place.away()
    assert not place.unpack()
    assert f"it was made for {fact} {value}".encode() in place.log


def test_a_python_that_is_gone_is_noticed(place, tmp_path):
    """An environment whose own Python does not start here is not one."""
    brought = tmp_path / "brought"
    brought.symlink_to(REAL)
    (place.env / "bin" / "python").unlink()
    (place.env / "bin" / "python").symlink_to(brought)
    place.finish()
    assert place.make()
    place.away()
    brought.unlink()
    assert not place.unpack()
    assert b"its Python says nothing" in place.log


def test_a_newer_podkeeps_pack_is_left_alone(packed):
    """It is named, not used, and not removed."""
    data = bytearray(packed.whole)
    struct.pack_into(">I", data, len(data) - 68 + 16, 2)
    packed.pack.write_bytes(data)
    assert not packed.unpack()
    assert b"its format is 2" in packed.log
    assert b"left where it is" in packed.log
    assert packed.pack.read_bytes() == data


def test_an_environment_that_the_job_changed_is_not_packed(place):
    """A package that the command itself installed or removed is no part of what the list asked for."""
    place.file(f"{SITE}/new/__init__.py", b"installed by the job")
    assert not place.make()
    assert "the job has changed it" in place.warned[0]
    assert list(place.shelf.folder.iterdir()) == []


def test_no_pack_where_it_would_leave_too_little_room(tmp_path):
    """The workspace keeps its room for checkpoints; that nothing was packed is a warning."""
    place = PackedPlace(tmp_path, limits=Limits(least_free=1 << 60, most_free=1 << 60))
    place.fill()
    assert not place.make()
    assert "is to keep" in place.warned[0]
    assert list(place.shelf.folder.iterdir()) == []


def test_without_a_volume_nothing_is_packed(place):
    """A workspace on the container's own disk is wiped with it: there the copy would only take room."""
    packing = place.packing(apart=lambda *_: False)
    packing.begin()
    assert packing.wait(30)
    assert not place.shelf.folder.exists()
    assert place.warned == []


def test_old_packs_go_and_the_newest_stay(tmp_path):
    """A few are kept, by when they were used last, and no more bytes than are allowed together."""
    shelf = Shelf(tmp_path, Limits(kept=3, most_bytes=1000))
    for number, size in enumerate((100, 100, 100, 100)):
        shelf.pack(f"e{number}").write_bytes(bytes(size))
        os.utime(shelf.pack(f"e{number}"), (number, number))
    old_draft = tmp_path / "e9.another-pod.1.new"
    old_draft.touch()
    os.utime(old_draft, (0, 0))
    young_draft = tmp_path / "e9.another-pod.2.new"
    young_draft.touch()
    assert shelf.thin() == ("e0.pack",)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "e1.pack",
        "e2.pack",
        "e3.pack",
        young_draft.name,
    ]
    assert shelf.thin(room_for=850) == ("e2.pack", "e1.pack")


def test_two_pods_that_pack_the_same_leave_one_whole_pack(place):
    """Both write drafts of their own; whoever is second leaves the first one's copy to its readers."""
    elsewhere = replace(place.shelf, who="another-pod.7")
    one, other = place.packing(), place.packing(shelf=elsewhere)
    for packing in (one, other):
        packing.begin()
    assert one.wait(60)
    assert other.wait(60)
    place.away()
    assert place.unpack()
    assert list(place.shelf.folder.iterdir()) == [place.pack]


def test_packing_that_is_given_up_leaves_nothing(place):
    """The pod stops amid it: no pack, no draft."""
    place.file(f"{SITE}/huge.bin", bytes(200 << 20))
    place.finish()
    packing = place.packing()
    packing.begin()
    drafts = threading.Event()
    while packing._work is None and not drafts.wait(0.01):
        pass
    packing.stop()
    assert packing.wait(30)
    assert [path for path in place.shelf.folder.glob("*") if path != place.pack] == []
