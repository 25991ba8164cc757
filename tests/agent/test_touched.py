"""Whether a checkpoint was read since it was marked."""

from __future__ import annotations

import mmap

import pytest

from pod_agent.outputs.touched import Mark, mark
from tests.agent.checkpoint_files import trainer


@pytest.fixture
def marked(tmp_path):
    """A checkpoint on a disk that tells who reads; skipped nowhere, as a disk that does not says None."""
    folder = trainer(tmp_path / "checkpoint-5", 5)
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    told = mark(folder)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before, "times of writing stay"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-5"], "the probe is gone"
    return folder, told


def reads(path):
    path.read_bytes()


def maps(path):
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        assert view[0] is not None


@pytest.mark.parametrize("way", [reads, maps])
def test_one_file_read_is_enough(marked, way):
    """Read or mapped: it counts. Listing, looking at sizes, and writing over it do not."""
    folder, told = marked
    if told is None:
        assert mark(folder) is None
        return
    assert told.was_read() is False
    for path in folder.iterdir():
        path.stat()
    (folder / "trainer_state.json").write_text("{}")
    assert told.was_read() is False
    way(folder / "model.safetensors")
    assert told.was_read() is True


def test_a_file_that_was_replaced_tells_nothing(marked):
    """Another file in its place, or none: nobody can tell any more, and nothing is guessed."""
    folder, told = marked
    if told is None:
        return
    new = folder / "new"
    new.write_bytes(b"x")
    new.replace(folder / "model.safetensors")
    assert told.was_read() is None
    (folder / "model.safetensors").unlink()
    assert told.was_read() is None


def test_a_folder_that_takes_no_probe_tells_nothing(tmp_path):
    """Where nothing can be written or found, the answer is None, not an error."""
    assert mark(tmp_path / "nowhere" / "last.pt") is None
    assert mark(tmp_path / "gone.pt") is None
    assert Mark(((tmp_path / "gone.pt", 1),)).was_read() is None
