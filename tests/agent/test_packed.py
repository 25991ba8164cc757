"""The packed copy of an environment: whole and the same, or thrown away; never in anybody's way."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from pod_agent.run.environment.packs import census
from pod_agent.run.environment.packs.shelf import Limits, Shelf
from tests.agent.packed_place import REAL, SITE, PackedPlace, listing
from tests.live import PATIENCE_S
from tests.story.small_places import on_small_disk
from tests.tables import mostly_slow


@pytest.fixture
def place(tmp_path):
    made = PackedPlace(tmp_path)
    made.fill()
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


@pytest.mark.parametrize(
    ("fact", "value"),
    mostly_slow(
        [("place", "/elsewhere"), ("name", "another"), ("python", "/usr/bin/other"), ("version", "3.9.1")],
        ("python", "/usr/bin/other"),
    ),
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


def test_an_environment_that_the_job_changed_is_not_packed(place):
    """A package that the command itself installed or removed is no part of what the list asked for."""
    place.file(f"{SITE}/new/__init__.py", b"installed by the job")
    assert not place.make()
    assert "the job has changed it" in place.warned[0]
    assert list(place.shelf.folder.iterdir()) == []


def test_no_pack_where_it_would_leave_too_little_room(tmp_path):
    """The workspace keeps its room for checkpoints; that nothing was packed is a warning."""
    place = PackedPlace(tmp_path, limits=Limits(least_free=1 << 60, most_free=1 << 60, always=0))
    place.fill()
    assert not place.make()
    assert "would stay free for checkpoints" in place.warned[0]
    assert list(place.shelf.folder.iterdir()) == []


def test_a_small_environment_is_packed_however_full_the_workspace(tmp_path):
    """A few megabytes of a volume that is mostly full are nobody's last room."""
    place = PackedPlace(tmp_path, limits=Limits(least_free=1 << 60, most_free=1 << 60))
    place.fill()
    assert place.make()
    assert place.warned == []


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
    assert one.wait(PATIENCE_S)
    assert other.wait(PATIENCE_S)
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


@pytest.mark.slow
def test_a_full_volume_costs_the_pack_only(tmp_path):
    """The disk fills up amid the packing: a warning, no draft, and the job does not notice."""
    volume = tmp_path / "workspace"
    volume.mkdir()
    code = FULL_VOLUME.format(paths=sys.path, top=str(tmp_path))
    done = subprocess.run(
        on_small_disk(volume, "4m", [sys.executable, "-c", code]), capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[0] == "False []", done
    assert "problem='full'" in done.stdout


FULL_VOLUME = """
import sys
sys.path[:0] = {paths!r}
from pathlib import Path
from tests.agent.packed_place import PackedPlace
place = PackedPlace(Path({top!r}))
place.fill()
place.shelf.folder.mkdir(parents=True)
answer = place.write_pack(place.shelf.draft(place.env.name))
place.shelf.draft(place.env.name).unlink()
print(place.pack.exists(), list(place.shelf.folder.iterdir()))
print(answer)
"""
