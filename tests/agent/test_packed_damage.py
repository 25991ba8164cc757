"""A packed copy that is cut, changed, forged or newer: found out before anything of it is trusted."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import zlib
from hashlib import sha256

import pytest

from pod_agent.run.environment.packs import form
from tests.agent.packed_place import PackedPlace
from tests.story.seen import dice
from tests.story.small_places import on_small_disk


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """One pack for many a damage."""
    made = PackedPlace(tmp_path_factory.mktemp("packed"))
    made.fill(large=form.BLOCK + 1000)
    assert made.make()
    made.whole = made.pack.read_bytes()
    made.kept = made.away()
    return made


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


def test_a_newer_podkeeps_pack_is_left_alone(packed):
    """It is named, not used, and not removed."""
    data = bytearray(packed.whole)
    struct.pack_into(">I", data, len(data) - 68 + 16, 2)
    packed.pack.write_bytes(data)
    assert not packed.unpack()
    assert b"its format is 2" in packed.log
    assert b"left where it is" in packed.log
    assert packed.pack.read_bytes() == data


ON_DISK = """
import sys
sys.path[:0] = {paths!r}
from pathlib import Path
from tests.agent.packed_place import PackedPlace
place = PackedPlace(Path({top!r}))
print(place.unpack(), place.env.exists())
print(place.log.decode())
"""


@pytest.mark.slow
def test_a_full_container_disk_keeps_the_pack(packed):
    """Where there is no room to unpack, nothing is left of it, and the pack is not to blame."""
    packed.pack.write_bytes(packed.whole)
    code = ON_DISK.format(paths=sys.path, top=str(packed.envs.parent.parent))
    make = f'mkdir "{packed.envs}" && exec "$0" "$@"'
    argv = on_small_disk(packed.envs.parent, "6m", ["bash", "-c", make, sys.executable, "-c", code])
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("False False\n"), done
    assert "cannot be used: No space left on device; left where it is" in done.stdout
    assert packed.pack.read_bytes() == packed.whole
