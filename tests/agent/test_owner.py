"""Who may work on a folder: taken by link, renewed, stale only by one's own clock."""

from __future__ import annotations

import errno
import json

import pytest

from pod_agent.pod.owner import FILE, STALE_S, Ownership, Taken
from pod_wire.errors import BadInput
from tests.fakes.clock import FakeClock


class Beating(FakeClock):
    """While we sleep, somebody else may do something."""

    def __init__(self, deed=lambda: None, every=10):
        super().__init__()
        self._deed = deed
        self._every = every

    def sleep(self, seconds):
        super().sleep(seconds)
        if len(self.sleeps) % self._every == 0:
            self._deed()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_free_folder_is_taken_at_once(tmp_path):
    """Nothing is waited for, and nothing but the record stays behind."""
    clock = FakeClock()
    assert Ownership(tmp_path, "pod-a", "b1", clock).take() is None
    assert json.loads((tmp_path / FILE).read_text())["pod"] == "pod-a"
    assert clock.sleeps == []
    assert names(tmp_path) == [FILE]


def test_the_same_pod_takes_over_at_once(tmp_path):
    """A new agent of the same pod does not wait for its own record to grow old."""
    Ownership(tmp_path, "pod-a", "b1", FakeClock()).take()
    clock = FakeClock()
    assert Ownership(tmp_path, "pod-a", "b2", clock).take() is None
    assert clock.sleeps == []


def test_a_second_pod_fails_and_names_the_owner(tmp_path):
    """While the record changes, another pod is refused, and touches nothing."""
    first = Ownership(tmp_path, "pod-a", "b1", FakeClock())
    first.take()
    with pytest.raises(Taken, match="pod-a"):
        Ownership(tmp_path, "pod-b", "b9", Beating(first.renew)).take()
    assert json.loads((tmp_path / FILE).read_text())["pod"] == "pod-a"
    assert first.renew() is None
    assert names(tmp_path) == [FILE]


def test_a_record_that_stands_still_is_stale(tmp_path):
    """Sixty seconds without a change, by the watcher's own clock, whatever times it holds."""
    Ownership(tmp_path, "pod-a", "b1", FakeClock()).take()
    clock = FakeClock()
    assert Ownership(tmp_path, "pod-b", "b9", clock).take() == "pod-a"
    assert sum(clock.sleeps) == STALE_S
    assert json.loads((tmp_path / FILE).read_text())["pod"] == "pod-b"
    assert names(tmp_path) == [FILE]


def test_the_old_owner_learns_that_it_lost(tmp_path):
    """A renewal that finds another nonce writes nothing and names the new owner."""
    first = Ownership(tmp_path, "pod-a", "b1", FakeClock())
    first.take()
    Ownership(tmp_path, "pod-b", "b9", FakeClock()).take()
    before = (tmp_path / FILE).read_bytes()
    assert first.renew() == "pod-b"
    assert (tmp_path / FILE).read_bytes() == before


def test_of_two_that_wait_one_wins(tmp_path):
    """Both see the record go stale; the quicker one owns the folder, the other one finds it taken."""
    Ownership(tmp_path, "pod-a", "b1", FakeClock()).take()
    quicker = Ownership(tmp_path, "pod-b", "b2", FakeClock())
    won = []

    def other_takes_it():
        if not won:
            won.append(quicker.take())
        else:
            quicker.renew()

    with pytest.raises(Taken, match="pod-b"):
        Ownership(tmp_path, "pod-c", "b3", Beating(other_takes_it, every=30)).take()
    assert won == ["pod-a"]


def test_a_stale_record_that_was_just_replaced_is_put_back(tmp_path):
    """Pushing a record aside looks at what it moved: a fresh one returns to its place."""
    late = Ownership(tmp_path, "pod-c", "b3", FakeClock())
    Ownership(tmp_path, "pod-b", "b2", FakeClock()).take()
    assert late._push_aside(b"what was there a moment ago") is False
    assert json.loads((tmp_path / FILE).read_text())["pod"] == "pod-b"


def test_released_is_free(tmp_path):
    """An owner that leaves lets the next one begin at once; it never removes another's record."""
    first = Ownership(tmp_path, "pod-a", "b1", FakeClock())
    first.take()
    first.release()
    clock = FakeClock()
    Ownership(tmp_path, "pod-b", "b2", clock).take()
    assert clock.sleeps == []
    first.release()
    assert (tmp_path / FILE).exists()


def test_half_a_record_goes_stale_too(tmp_path):
    """A record that nobody can read holds the folder for a minute, not for ever."""
    (tmp_path / FILE).write_text('{"pod": "po')
    clock = FakeClock()
    Ownership(tmp_path, "pod-b", "b2", clock).take()
    assert sum(clock.sleeps) == STALE_S


def test_a_newer_record_is_refused_by_name(tmp_path):
    """A record of a newer podkeep is left as it is."""
    text = '{"format": 99, "pod": "pod-a"}'
    (tmp_path / FILE).write_text(text)
    with pytest.raises(BadInput, match="format is 99"):
        Ownership(tmp_path, "pod-b", "b2", FakeClock()).take()
    assert (tmp_path / FILE).read_text() == text


class OnAFullDisk(Ownership):
    """An owner whose disk has become full: no new file finds room."""

    is_full = False

    def _draft(self):
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super()._draft()


def test_a_full_disk_makes_no_owner_stale(tmp_path):
    """The record still changes with each beat, in its place, so that no second pod takes the folder over."""
    owner = OnAFullDisk(tmp_path, "pod-a", "b", FakeClock())
    owner.take()
    owner.is_full = True
    seen = set()
    for _ in range(12):
        assert owner.renew() is None
        seen.add((tmp_path / "owner.json").read_bytes())
    assert len(seen) == 12
    assert json.loads((tmp_path / "owner.json").read_text())["beats"] == 12
