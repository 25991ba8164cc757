"""How new whole checkpoints are noticed while the training lives, and how rewritten ones are kept."""

from __future__ import annotations

import os
import pickle
import threading
import time

import pytest

from pod_agent.outputs.belonging import Belonging
from pod_agent.outputs.checkpoints import kept as kept_module
from pod_agent.outputs.checkpoints.kept import kept, put_back
from pod_agent.outputs.closings import Way
from pod_agent.outputs.watch import CheckpointWatch
from pod_wire.clock import RealClock
from pod_wire.job import JobSpec
from tests.agent.checkpoint_files import numpy_zip, torch_zip, trainer


class Place:
    def __init__(self, top):
        self.folder = top / "code"
        self.state = top / "state"
        self.folder.mkdir()
        self.state.mkdir()
        self.posted = []
        self.arrived = threading.Event()

    def watch(self, glob=None, since=0.0):
        spec = JobSpec("x", "true", checkpoints=glob)
        mine = Belonging(self.folder, since, has_glob=glob is not None)
        return CheckpointWatch(self.state, spec, mine, RealClock(), self.post)

    def post(self, place):
        self.posted.append((os.path.relpath(place.path, self.folder), place.step))
        self.arrived.set()

    def save(self, name, data):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def copies(self):
        return {path.parent.name: sorted(p.name for p in path.parent.iterdir()) for path in self.paths()}

    def paths(self):
        return [one.path for one, _ in kept(self.folder, self.state)]


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def look_twice(watch):
    watch.look(writer_alive=True)
    watch.look(writer_alive=True)


def test_each_whole_checkpoint_is_posted_once(place):
    """Announced at the second equal look, never again, also not by a watch of a later agent."""
    watch = place.watch()
    place.save("out/checkpoint-50.npz", numpy_zip(50))
    watch.look(writer_alive=True)
    assert place.posted == []
    look_twice(watch)
    assert place.posted == [("out/checkpoint-50.npz", 50)]
    trainer(place.folder / "hf/checkpoint-60", 60)
    look_twice(watch)
    assert place.posted[1:] == [("hf/checkpoint-60", 60)]
    later = place.watch()
    look_twice(later)
    assert len(place.posted) == 2
    assert later.newest().step == 60


def test_a_half_checkpoint_is_never_posted(place):
    """A slow save is announced when its last byte is there, not when it pauses."""
    watch = place.watch()
    data = torch_zip({"step": 3})
    place.save("last.pt", data[: len(data) // 2])
    for _ in range(4):
        watch.look(writer_alive=True)
    assert place.posted == []
    assert watch.newest() is None
    place.save("last.pt", data)
    look_twice(watch)
    assert place.posted == [("last.pt", 3)]


def test_a_rewritten_file_is_copied_and_the_last_two_are_kept(place):
    """The copy survives the rewriting in place, from the first save on."""
    watch = place.watch()
    for step in (10, 20, 30):
        place.save("out/ckpt.pt", torch_zip({"iter_num": step}))
        look_twice(watch)
    assert place.posted == [("out/ckpt.pt", 10), ("out/ckpt.pt", 20), ("out/ckpt.pt", 30)]
    assert place.copies() == {"out%2Fckpt.pt": ["step-20.pt", "step-30.pt"]}
    place.save("out/ckpt.pt", torch_zip({"iter_num": 40})[:100])
    watch.look(writer_alive=True)
    assert (watch.newest().step, watch.newest().path) == (30, str(place.folder / "out/ckpt.pt"))
    assert (place.state / "kept").stat().st_mode & 0o077 == 0


def test_a_name_that_is_rewritten_is_seen_without_walking_the_tree(place):
    """Where walking takes long, because data lies beside it, each save is still seen and copied in seconds."""
    watch = place.watch()
    place.save("ckpt.pt", torch_zip({"step": 1}))
    look_twice(watch)
    place.save("epoch-1.pt", torch_zip({"step": 1}))  # new: the next walk finds it
    for step in (2, 3):
        place.save("ckpt.pt", torch_zip({"step": step}))
        watch.look_again()
        watch.look_again()
        watch.look_again()
    assert place.posted == [("ckpt.pt", 1), ("ckpt.pt", 2), ("ckpt.pt", 3)]
    assert place.copies() == {"ckpt.pt": ["step-2.pt", "step-3.pt"]}
    assert watch.newest().step == 3
    (place.folder / "ckpt.pt").unlink()
    watch.look_again()
    watch.look(writer_alive=True)
    watch.look_again()
    assert place.posted[3:] == [("epoch-1.pt", 1)]


def test_a_checkpoint_that_was_being_written_is_looked_at_again_without_walking(place):
    """A folder that was found half written is told of as soon as it is whole."""
    watch = place.watch()
    trainer(place.folder / "out/checkpoint-5", 5)
    watch.look(writer_alive=True)
    assert place.posted == []
    watch.look_again()
    assert place.posted == [("out/checkpoint-5", 5)]


def test_a_new_name_for_each_save_fills_no_disk_with_copies(place):
    """Only the newest two names are kept of those that were never rewritten; one that is rewritten stays."""
    watch = place.watch()
    for step in (1, 2):
        place.save("last.pt", torch_zip({"step": step}))
        look_twice(watch)
    for number, letter in enumerate("abcde", 3):
        at = place.save(f"best-{letter}.pt", torch_zip({"step": number}))
        os.utime(at, (2e9 + number, 2e9 + number))
        look_twice(watch)
    assert place.copies() == {
        "last.pt": ["step-1.pt", "step-2.pt"],
        "best-d.pt": ["step-6.pt"],
        "best-e.pt": ["step-7.pt"],
    }
    assert sorted(path.name for path in place.folder.iterdir())[:5] == [f"best-{one}.pt" for one in "abcde"]


def test_what_is_no_checkpoint_is_read_once(place):
    """A file that is judged by its content and left alone is not read again each second."""
    watch = place.watch()
    good = pickle.dumps({"step": 4})
    path = place.save("data.pkl", b"x" * len(good))
    look_twice(watch)
    before = path.stat()
    path.write_bytes(good)  # unseen: same size, same time, same file
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    look_twice(watch)
    assert place.posted == []
    place.save("data.pkl", pickle.dumps({"step": 4, "more": "x"}))
    look_twice(watch)
    assert place.posted == [("data.pkl", 4)]


def test_numbered_files_are_not_copied(place):
    """A file whose name carries its own step is not rewritten, so a copy would only fill the disk."""
    watch = place.watch()
    place.save("checkpoint-10.npz", numpy_zip(10))
    place.save("resnet50-last.pt", torch_zip({"epoch": 1}))
    look_twice(watch)
    assert list(place.copies()) == ["resnet50-last.pt"]


def test_a_copy_put_back_is_whole_at_once(place):
    """Putting back replaces the half file by a rename, and keeps the copy."""
    watch = place.watch()
    data = torch_zip({"step": 10}, weights=b"w" * 3_000_000)
    at = place.save("last.pt", data)
    look_twice(watch)
    place.save("last.pt", b"half")
    (copy,) = place.paths()
    put_back(copy, at)
    assert at.read_bytes() == data
    assert copy.exists()
    assert sorted(p.name for p in place.folder.iterdir()) == ["last.pt"]


def test_a_name_that_is_no_text_is_watched_too(place):
    """A file name of arbitrary bytes is found, copied and put back."""
    name = os.fsdecode(b"out \xff%2F/last.pt")
    at = place.save(name, torch_zip({"step": 3}))
    look_twice(place.watch())
    assert place.posted == [(name, 3)]
    assert [place for _, place in kept(place.folder, place.state)] == [at]
    assert place.watch().newest() is None


def test_copying_falls_back_to_reading_and_writing(place):
    """Where the kernel cannot copy from one file to another, the bytes still arrive whole and in order."""
    data = os.urandom(1 << 16) * 40
    reading, feeding = os.pipe()
    feeder = threading.Thread(target=lambda: (os.write(feeding, data), os.close(feeding)))
    feeder.start()
    with (place.folder / "copy").open("wb") as file:
        kept_module._copy_bytes(reading, file.fileno())
    feeder.join()
    os.close(reading)
    assert (place.folder / "copy").read_bytes() == data


def test_no_room_for_a_copy_costs_the_copy_not_the_news(place):
    """A checkpoint that cannot be copied is announced all the same."""
    (place.state / "kept").write_text("in the way")
    place.save("last.pt", torch_zip({"step": 3}))
    look_twice(place.watch())
    assert place.posted == [("last.pt", 3)]


def test_a_clock_set_back_takes_no_new_copy_away(place):
    """The copy of the newest save stays, though its file says that it is the oldest."""
    watch = place.watch()
    for step, when in ((1, 3e9), (2, 3e9 + 1), (3, 2e9), (4, 2e9 + 1)):
        os.utime(place.save("last.pt", torch_zip({"step": step})), (when, when))
        look_twice(watch)
        assert f"step-{step}.pt" in place.copies()["last.pt"]
        assert len(place.copies()["last.pt"]) <= 2


def test_a_file_that_is_always_put_in_place_whole_is_not_copied(place):
    """Written elsewhere and renamed, save after save: nothing is ever lost, so no save is written twice."""
    watch = place.watch()
    watch.look(writer_alive=True)
    at = place.folder / "last.pt"
    for step in range(1, 6):
        place.save("half.tmp", torch_zip({"step": step})).replace(at)
        watch.look_closed({at: Way.MOVED})
        look_twice(watch)
        assert bool(place.copies()) == (step < 3)
    assert [step for _, step in place.posted] == [1, 2, 3, 4, 5]
    place.save("last.pt", torch_zip({"step": 6}))
    watch.look_closed({at: Way.IN_PLACE})
    assert place.copies() == {"last.pt": ["step-6.pt"]}
    place.save("half.tmp", torch_zip({"step": 7})).replace(at)
    watch.look_closed({at: Way.MOVED})
    assert place.copies() == {"last.pt": ["step-6.pt", "step-7.pt"]}, "once in place, never trusted again"


def test_older_and_ignored_files_are_not_posted(place):
    """What was there before the run began is not this run's."""
    place.save("last.pt", torch_zip({"step": 3}))
    os.utime(place.folder / "last.pt", (1000, 1000))
    watch = place.watch(since=2000)
    look_twice(watch)
    assert place.posted == []


def test_damaged_records_are_begun_anew(place):
    """checkpoints.json is a memory only; without it checkpoints are judged again."""
    place.save("last.pt", torch_zip({"step": 3}))
    look_twice(place.watch())
    for damage in (b"", b"[]", b'{"format": 1, "whole": {"x": {}}, "rewritten": []}', b"\xff\x00"):
        (place.state / "checkpoints.json").write_bytes(damage)
        look_twice(place.watch())
    assert place.posted == [("last.pt", 3)] * 5


def test_a_state_that_cannot_be_written_does_not_end_the_watch(place):
    """A full or read-only state folder costs the records, not the news."""
    (place.state / "checkpoints.json").mkdir()
    watch = place.watch()
    watch.start()
    place.save("checkpoint-1.npz", numpy_zip(1))
    assert place.arrived.wait(30)
    watch.stop()


@pytest.mark.slow
def test_the_thread_notices_within_seconds(place):
    """A save is announced, not only at the look that comes each half minute where nothing happens; stop ends it."""
    watch = place.watch()
    watch.start()
    time.sleep(0.3)
    place.save("checkpoint-1.npz", numpy_zip(1))
    assert place.arrived.wait(20)
    watch.stop()
    place.save("checkpoint-2.npz", numpy_zip(2))
    time.sleep(2.2)
    assert len(place.posted) == 1
