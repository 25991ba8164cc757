"""Damage: whatever happens to a file of the newest checkpoint, the older whole one is resumed from and nothing runs."""

from __future__ import annotations

import itertools
import os
import re
import shutil
from pathlib import Path

import pytest

from pod_agent.outputs.belonging import Belonging
from pod_agent.outputs.checkpoints.find import find
from pod_agent.outputs.checkpoints.judge import judge
from pod_agent.outputs.checkpoints.known import KNOWN, UNKNOWN
from pod_agent.outputs.checkpoints.records import Records
from pod_agent.run.resume import restore
from pod_agent.run.work import Work
from pod_wire.clock import RealClock
from pod_wire.job import JobSpec
from tests.agent.checkpoint_samples import SAMPLES
from tests.agent.pickled_classes import evil
from tests.story.seen import dice

BLOCK = 4096
FAST = 3  # damages of each file
WIDE = 5  # times all of them
LARGE = {"trainer, sharded", "trainer, deepspeed and fsdp", "accelerate, fsdp"}  # many files: only widely


class Place:
    """A job with an older whole checkpoint, which was seen, and a newer one."""

    def __init__(self, top, sample):
        self.folder, self.state, self.canary = top / "code", top / "state", top / "canary"
        self.folder.mkdir(parents=True)
        self.state.mkdir()
        self.old = sample.make(self.folder, 10)
        self.see()
        self.new = sample.make(self.folder, 20)

    def see(self):
        """What the watch does while the training lives."""
        records = Records.load(self.state)
        for one in find(self.folder, None, 0.0):
            found = judge(one, records, writer_alive=True, last_look=one, rest_s=1e6)
            assert found.whole, found.why
            records.add(one, found.step, 1.0)
        records.save()

    def files(self):
        if self.new.is_file():
            return [self.new]
        return sorted(path for path in self.new.rglob("*") if path.is_file())

    def chosen(self):
        work = Work(lambda _: None, RealClock())
        spec = JobSpec("x", "true", resume="--resume {checkpoint}")
        return restore(spec, self.folder, self.state, Belonging(self.folder), work).path


def truncate(rng, path, place):
    os.truncate(path, rng.randrange(path.stat().st_size))


def remove(rng, path, place):
    path.unlink()


def empty(rng, path, place):
    path.write_bytes(b"")


def zero(rng, path, place):
    path.write_bytes(bytes(path.stat().st_size))


def zero_tail(rng, path, place):
    """The last blocks never reached the disk: they read as zeros."""
    size = path.stat().st_size
    last = (size - 1) // BLOCK * BLOCK
    at = rng.randrange(last // BLOCK + 1) * BLOCK if size - last >= BLOCK // 8 else max(0, last - BLOCK)
    with path.open("r+b") as file:
        file.seek(at)
        file.write(bytes(size - at))


def append(rng, path, place):
    with path.open("ab") as file:
        file.write(rng.randbytes(rng.randrange(1, 300)))


def poison(rng, path, place):
    path.write_bytes(evil(place.canary, rng.choice([0, 2, 4])))


DAMAGES = (truncate, remove, empty, zero, zero_tail, append, poison)


def name_in(sample, name):
    """A file's name in its checkpoint, with # for the step."""
    return re.sub(r"(?<!\d)20(?!\d)", "#", "/".join(name.parts[1:])).partition("#/")[2]


def hurt_each(sample, top, rng, *, widely):
    """Each file with each damage, seen whole or not; or with a few of them. All of them are noticed."""
    names = [path.relative_to(top / "names") for path in Place(top / "names", sample).files()]
    for name in names:
        every = list(itertools.product((False, True), DAMAGES))
        for is_seen, damage in every * WIDE if widely else rng.sample(every, FAST):
            if name_in(sample, name) not in sample.no_matter or (is_seen and damage is remove):
                hurt(sample, top / "hurt", rng, (is_seen, name, damage))


def hurt(sample, top, rng, how):
    """One damage, now or long after, or with the time that the file had where something tells its length."""
    is_seen, name, damage = how
    place = Place(top, sample)
    if is_seen:
        place.see()
    path = top / name
    before = path.stat()
    damage(rng, path, place)
    keeps_time = rng.random() < 0.5 and (is_seen or name_in(sample, name) not in sample.no_length)
    if path.exists():
        later_ns = before.st_mtime_ns + (0 if keeps_time else 60 * 10**9)
        os.utime(path, ns=(later_ns, later_ns))
    said = f"{damage.__name__} of {name}, seen {is_seen}, same time {keeps_time}"
    assert place.chosen() == place.old, said
    assert not place.canary.exists(), said
    shutil.rmtree(top)


def test_every_format_is_tried_and_explained():
    """Each known format has a sample here, and a line in the table of docs/checkpoints.md."""
    names = [form.name for form in KNOWN]
    assert {sample.form for sample in SAMPLES.values()} == set(names)
    lines = (Path(__file__).parents[2] / "docs/checkpoints.md").read_text(encoding="utf-8").splitlines()
    told = [line.split(" | ")[0].removeprefix("| ") for line in lines if line.startswith("| ")]
    assert {*names, UNKNOWN.name} <= set(told)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_whole(tmp_path, name):
    """What no damage was done to is found once, by its own format, with its step."""
    sample = SAMPLES[name]
    place = Place(tmp_path, sample)
    (found,) = [one for one in find(place.folder, None, 0.0) if one.path == place.new]
    told = judge(found, Records.load(place.state), writer_alive=False)
    assert (told.whole, told.step, found.format.name) == (True, 20, sample.form), told.why
    alone = judge(found, Records(tmp_path / "none"), writer_alive=False)
    assert alone.whole == sample.is_listed
    assert place.chosen() == place.new


@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in LARGE])
def test_a_damaged_checkpoint_is_never_chosen(tmp_path, name):
    """Cut, missing, empty, zeroed, longer or poisoned, seen whole or not: the older one is chosen."""
    hurt_each(SAMPLES[name], tmp_path, dice(name), widely=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
def test_a_damaged_checkpoint_is_never_chosen_widely(tmp_path, name):
    """The same with many lengths."""
    hurt_each(SAMPLES[name], tmp_path, dice(name), widely=True)
