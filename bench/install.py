"""How long a job's packages take: nothing changed; a new boot from the packed copy, against an install and a raw read.

``python bench/install.py [FILES MEGABYTES]``. The wheels are made on the spot and served on loopback: no network is
timed for anybody. The packed copy is read from the disk, not from memory, as a new boot reads it; what is unpacked is
written to the disk, and once more to memory, as the making of files costs what the disk's file system asks. All of it
again with the disk's reads braked to what a network volume gives, for which the packed copy is meant.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from measured import RUNS, VOLUME, VOLUME_BPS, environment, median, say
from slow_reads import CannotBrakeError, reads_at

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pod_agent.run.environment.install import Installed, install
from pod_agent.run.environment.naming import MARK
from pod_agent.run.environment.packs import census, form, program
from pod_agent.run.environment.packs.shelf import Shelf
from pod_agent.run.work import Work
from pod_wire.clock import RealClock
from pod_wire.job import JobSpec
from tests.fakes.package_index import PackageIndex

if TYPE_CHECKING:
    from collections.abc import Callable

FILES, MEGABYTES, WHEELS = 20_000, 500, 40
LARGE = 12  # files of many megabytes, as CUDA libraries are: half of the bytes
MEMORY = Path("/dev/shm")  # noqa: S108 - the only disk whose file system costs next to nothing


@dataclass(frozen=True)
class Place:
    """A job with a list of packages, the container's disk, and the workspace."""

    code: Path
    envs: Path
    shelf: Shelf
    env: dict[str, str]

    @staticmethod
    def at(top: Path, env: dict[str, str], wheels: int) -> Place:
        code = top / "code"
        code.mkdir()
        (code / "requirements.txt").write_text("".join(f"bench{number}\n" for number in range(wheels)))
        return Place(code, top / "disk" / "envs", Shelf(top / "workspace" / "envs"), env)

    def install(self) -> tuple[float, Installed]:
        """Seconds of the installing step."""
        work = Work(lambda _: None, RealClock())
        began = time.monotonic()
        done = install(JobSpec("bench", "true"), self.code, self.envs, self.env, work, shelf=self.shelf)
        return time.monotonic() - began, done


def fill(index: PackageIndex, files: int, megabytes: int) -> None:
    """Wheels like those of a training's environment: a few large libraries, thousands of small modules."""
    dice = random.Random(7)
    blob = dice.randbytes(1 << 20)
    large = megabytes * 1_000_000 // 2 // LARGE
    small = megabytes * 1_000_000 // 2 // files
    for wheel in range(WHEELS):
        parts: dict[str, bytes | str] = {}
        for number in range(files // WHEELS):
            size = min(len(blob) // 2, int(dice.lognormvariate(0, 1.2) * small * 0.5))
            start = dice.randrange(len(blob) - size)
            parts[f"bench{wheel}/part{number % 25}/module{number}.py"] = blob[start : start + size]
        if wheel < LARGE:
            parts[f"bench{wheel}/lib.so"] = (blob * (large // len(blob) + 1))[:large]
        index.add(f"bench{wheel}", files=parts)


def pack(place: Path, shelf: Shelf) -> Path:
    """The packed copy, as the background of a training writes it."""
    shelf.folder.mkdir(parents=True)
    told = json.loads((place / MARK).read_text())
    own = sys.version.split()[0]
    facts = form.Facts(
        place.name, str(place), told["python"], told["version"], own, census.noted(place) or ""
    )
    words = [str(place), str(shelf.pack(place.name)), "0", json.dumps(asdict(facts))]
    answer = program.run("writing", words, Work(lambda _: None, RealClock()))
    if answer.problem:
        raise SystemExit(f"the environment could not be packed: {answer.words}")
    return shelf.pack(place.name)


def forget(path: Path) -> None:
    """Out of memory: the next read comes from the disk."""
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


def raw_read(path: Path) -> float:
    began = time.monotonic()
    fd, buffer = os.open(path, os.O_RDONLY), bytearray(1 << 20)
    while os.readv(fd, [buffer]):
        pass
    os.close(fd)
    return time.monotonic() - began


def unpacked(pack_file: Path, top: Path, wanted: dict[str, str]) -> float:
    """Seconds of the reading program, into a new folder; the facts are those of the environment."""
    arguments = [str(pack_file), str(top), json.dumps(wanted)]
    began = time.monotonic()
    answer = program.run("reading", arguments, Work(lambda _: None, RealClock()))
    seconds = time.monotonic() - began
    if answer.problem:
        raise SystemExit(f"the packed copy could not be read: {answer.words}")
    return seconds


def with_tar(archive: Path, top: Path) -> float:
    top.mkdir()
    began = time.monotonic()
    subprocess.run(["tar", "-xf", str(archive), "-C", str(top)], check=True)
    return time.monotonic() - began


def turns(pack_file: Path, archive: Path, top: Path) -> dict[str, list[float]]:
    """From the disk as fast as it is."""
    memory = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else top))
    deeds: dict[str, Callable[[int], float]] = {
        "raw read": lambda _: raw_read(pack_file),
        "podkeep, packed copy": lambda number: unpacked(pack_file, top / f"ours{number}", {}),
        "podkeep, packed copy to memory": lambda _: unpacked(pack_file, memory / "ours", {}),
        "tar -x": lambda number: with_tar(archive, top / f"tar{number}"),
    }
    try:
        return rounds(deeds, (pack_file, archive), memory / "ours")
    finally:
        shutil.rmtree(memory)


def slow_turns(pack_file: Path, archive: Path, top: Path) -> dict[str, list[float]]:
    """From a disk that reads like a network volume; nothing where this machine does not allow that."""
    deeds: dict[str, Callable[[int], float]] = {
        f"raw read{VOLUME}": lambda _: raw_read(pack_file),
        f"podkeep, packed copy{VOLUME}": lambda number: unpacked(pack_file, top / f"slow{number}", {}),
        f"tar -x{VOLUME}": lambda number: with_tar(archive, top / f"slow-tar{number}"),
    }
    try:
        with reads_at(VOLUME_BPS, top):
            return rounds(deeds, (pack_file, archive), top / "nothing")
    except CannotBrakeError as error:
        say("install", f"packed copy{VOLUME}", skipped=str(error))
        return {}


def rounds(
    deeds: dict[str, Callable[[int], float]], files: tuple[Path, ...], passing: Path
) -> dict[str, list[float]]:
    """Everybody once in each, into folders that are removed at the end only: removing slows who comes next."""
    taken: dict[str, list[float]] = {who: [] for who in deeds}
    for number in range(RUNS):
        for who, deed in deeds.items():
            for path in files:
                forget(path)
            taken[who].append(deed(number))
            shutil.rmtree(passing, ignore_errors=True)
    return taken


def main(files: int = FILES, megabytes: int = MEGABYTES) -> None:
    with tempfile.TemporaryDirectory() as name, PackageIndex() as index:
        fill(index, files, megabytes)
        kept = {key: value for key, value in environment().items() if not key.startswith(("PIP_", "UV_"))}
        place = Place.at(Path(name), kept | index.env(), WHEELS)
        fresh, made = place.install()
        reused = [place.install()[0] for _ in range(4 * RUNS)]
        where = place.envs / made.hash
        pack_file = pack(where, place.shelf)
        archive = Path(name) / "rival.tar"
        subprocess.run(["tar", "-cf", str(archive), "-C", str(where), "."], check=True)
        again = [fresh]
        for _ in range(1):
            shutil.move(where, Path(name) / f"gone{len(again)}")
            again.append(Place(place.code, place.envs, Shelf(Path(name) / "empty"), place.env).install()[0])
        step = []
        for number in range(RUNS):
            shutil.move(where, Path(name) / f"wiped{number}")
            forget(pack_file)
            step.append(place.install()[0])
        taken = turns(pack_file, archive, Path(name)) | slow_turns(pack_file, archive, Path(name))
        report(pack_file.stat().st_size / 1e6, files, taken, reused=reused, fresh=again, step=step)


def report(
    megabytes: float,
    files: int,
    taken: dict[str, list[float]],
    *,
    reused: list[float],
    fresh: list[float],
    step: list[float],
) -> None:
    say("install", "podkeep, nothing changed", step_ms=round(median(reused) * 1e3, 2), runs=len(reused))
    size = {"megabytes": round(megabytes), "files": files}
    for who, runs in {**taken, "pip install": fresh, "podkeep, new boot": step}.items():
        seconds = median(runs)
        rounded = [round(one, 3) for one in runs]
        raw = median(taken[f"raw read{VOLUME}" if who.endswith(VOLUME) else "raw read"])
        ratio = round(raw / seconds, 3)
        say(
            "install",
            who,
            seconds=round(seconds, 3),
            mb_per_s=round(megabytes / seconds),
            of_raw=ratio,
            **size,
            runs=rounded,
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
