"""The second boot: an environment that pip made is packed beside the training, and unpacked by the installing step."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pod_agent.run.environment.install import install
from pod_agent.run.environment.packs.background import Packing
from pod_agent.run.environment.packs.shelf import Limits, Shelf
from pod_agent.run.work import Work
from pod_wire.clock import RealClock
from tests.agent.install_place import InstallPlace
from tests.agent.packed_place import LARGE, PackedPlace
from tests.fakes.package_index import PackageIndex
from tests.live import PATIENCE_S, wait_for

PROGRAM = """
import sys
sys.path[:0] = {paths!r}
from pathlib import Path
from tests.agent.packed_place import PackedPlace
place = PackedPlace(Path({top!r}))
"""
NEVER_DONE = """
import time
Path.rename = lambda *_: time.sleep(600)
place.packing().begin()
time.sleep(600)
"""


class TwoBoots(InstallPlace):
    """A job on a pod with a volume. ``boot`` wipes the container's disk."""

    def __init__(self, top, index):
        super().__init__(top, index, torch=None)
        index.add("keeptest", "1.0", scripts={"keeptest-say": "keeptest:say"}, files={
            "keeptest.py": "value = 1\ndef say():\n    print('said')\n",
        })  # fmt: skip
        self.file("requirements.txt", "keeptest\n")
        self.shelf = Shelf(top / "volume" / ".podkeep" / "envs", Limits(least_free=0, most_free=0))
        self.warned = []
        self.wiped = 0

    def step(self, **fields):
        work = Work(self.write, RealClock())
        return install(self.spec(**fields), self.folder, self.envs, self.env, work, shelf=self.shelf)

    def train(self):
        packing = Packing(
            self.envs, self.shelf, RealClock(), self.warned.append, pause_s=0.0, apart=lambda *_: True
        )
        packing.begin()
        assert packing.wait(PATIENCE_S)
        assert self.warned == []

    def boot(self):
        self.wiped += 1
        self.envs.parent.rename(self.top / f"disk of boot {self.wiped}")
        self.index.requests.clear()
        self.log = b""


@pytest.fixture
def place(tmp_path):
    with PackageIndex() as index:
        yield TwoBoots(tmp_path, index)


@pytest.mark.slow
def test_the_second_boot_unpacks_and_asks_no_index(place):
    """The same environment, its commands and its trust, without a request; the third call reuses it."""
    made = place.step()
    place.train()
    place.boot()
    again = place.step()
    assert again.hash == made.hash
    assert not again.reused
    assert place.index.requests == []
    assert "unpacked, " in place.text
    assert place.run(again, "keeptest-say") == "said"
    assert place.step().reused


@pytest.mark.slow
def test_a_damaged_pack_is_said_and_the_packages_are_installed_anew(place):
    """And packed anew by the next training."""
    place.step()
    place.train()
    (pack,) = place.shelf.folder.iterdir()
    good = pack.stat().st_size
    os.truncate(pack, good - 1000)
    place.boot()
    again = place.step()
    assert "cannot be used: it is cut short" in place.text
    assert "thrown away" in place.text
    assert place.ask(again, "import keeptest; print(keeptest.value)") == "1"
    assert not pack.exists()
    place.train()
    assert abs(pack.stat().st_size - good) < 100_000


@pytest.mark.slow
def test_the_extra_command_runs_after_an_unpacking_too(place):
    """What POD_SETUP does outside of the environment is gone with the disk, so it is done again."""
    asked = "echo ran >> ran.txt"
    place.step(setup=asked)
    place.train()
    place.boot()
    place.step(setup=asked)
    assert "unpacked, " in place.text
    assert (place.folder / "ran.txt").read_text() == "ran\nran\n"


@pytest.mark.slow
def test_an_unpacking_that_is_killed_is_never_trusted(tmp_path):
    """The agent dies amid it, again and again: no mark, so the next step begins anew and ends whole."""
    place = PackedPlace(tmp_path)
    place.fill(large=150 << 20)
    assert place.make()
    kept = place.away()
    code = f"{PROGRAM.format(paths=sys.path, top=str(tmp_path))}place.unpack()\n"
    running = subprocess.Popen([sys.executable, "-c", code])
    try:
        wait_for("the unpacking has begun", (place.env / "lib").exists)
    finally:
        running.kill()
        running.wait()
    wait_for("no reader lives", lambda: not programs(place.env))
    assert not (place.env / "podkeep.json").exists()
    if place.env.exists():
        place.env.rename(tmp_path / "half")
    assert place.unpack()
    assert (place.env / "lib").is_dir()
    assert kept.exists()


def programs(place):
    """Those that read or write a pack of this environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes()
            if os.fsencode(place) in words and b"packs" in words:
                found.append(path.parent)
    return found


def niceness(process):
    with contextlib.suppress(OSError):
        return int((process / "stat").read_text().rpartition(")")[2].split()[16])
    return None


@pytest.mark.slow
def test_packing_keeps_out_of_the_trainings_way(tmp_path):
    """The writing program has the lowest priority for CPU and disk, and ends with the agent that began it."""
    place = PackedPlace(tmp_path)
    place.fill(large=400 << 20)
    code = f"{PROGRAM.format(paths=sys.path, top=str(tmp_path))}{NEVER_DONE}"
    agent = subprocess.Popen([sys.executable, "-c", code])
    try:
        wait_for("the writing program is the least of all", lambda: 19 in map(niceness, programs(place.env)))
    finally:
        agent.kill()
        agent.wait()
    wait_for("no writer lives", lambda: not programs(place.env))
    assert not place.pack.exists()
    place.file(LARGE)
    place.finish()
    assert place.make(), "what the dead one left behind is removed"
    assert list(place.shelf.folder.iterdir()) == [place.pack]
