"""The log file, its id, and its index of time and offset."""

from __future__ import annotations

import os
import shutil
import stat

import pytest

from pod_agent.outputs.log import JobLog
from pod_agent.outputs.log_index import WRITTEN, IndexKeeper, LogIndex


def test_creating_twice_keeps_bytes_and_id(tmp_path):
    """A second start finds the same log with the same id."""
    log = JobLog(tmp_path / "j")
    log.create()
    first = log.id
    log.append(b"hello\n")
    again = JobLog(tmp_path / "j")
    again.create()
    assert again.id == first
    assert again.read(0, 100) == b"hello\n"


def test_a_lost_volume_means_a_new_id(tmp_path):
    """When the folder is gone, what is created in its place has another id and begins at 0."""
    log = JobLog(tmp_path / "j")
    log.append(b"hello\n")
    before = log.id
    shutil.rmtree(tmp_path / "j")
    log.create()
    assert log.id != before
    assert log.size() == 0


def test_a_log_lost_beside_its_id_means_a_new_id(tmp_path):
    """An id whose log has vanished is not given to the next log, nor is the index."""
    log = JobLog(tmp_path / "j")
    log.create()
    before = log.id
    log.index.note(5.0, 100)
    log.path.unlink()
    log.create()
    assert log.id != before
    assert log.index.find(1e9) == 0


def test_dying_while_a_lost_log_is_made_anew_does_not_revive_its_id(tmp_path):
    """An agent that dies between the new file and its id leaves a log whose id is yet to be made."""
    log = JobLog(tmp_path / "j")
    log.create()
    before = log.id
    log.path.unlink()
    (tmp_path / "j" / "log.id.new").mkdir()
    with pytest.raises(OSError, match="directory"):
        log.create()
    (tmp_path / "j" / "log.id.new").rmdir()
    log.create()
    assert log.id != before


def test_only_the_owner_may_read(tmp_path):
    """The folder is 0700 and the log 0600, whatever the umask."""
    old = os.umask(0)
    try:
        log = JobLog(tmp_path / "j")
        log.create()
    finally:
        os.umask(old)
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.path.parent.stat().st_mode) == 0o700


def test_reads_by_offset(tmp_path):
    """A range is exactly its bytes, and short only at the end."""
    log = JobLog(tmp_path / "j")
    log.append(bytes(range(256)))
    assert log.read(10, 5) == bytes(range(10, 15))
    assert log.read(250, 50) == bytes(range(250, 256))
    assert log.read(300, 5) == b""


def test_a_view_notices_that_its_file_was_replaced(tmp_path):
    """An opened view says so once the path leads elsewhere or nowhere."""
    log = JobLog(tmp_path / "j")
    log.create()
    with log.view() as view:
        assert view.is_current()
        log.path.rename(tmp_path / "aside")
        assert not view.is_current()
        log.path.write_bytes(b"another")
        assert not view.is_current()


def test_the_index_finds_what_was_there_at_a_moment(tmp_path):
    """``find`` gives the last recorded size not after the moment, so nothing younger is missed."""
    index = LogIndex(tmp_path / "log.index")
    for second in range(1, 101):
        assert index.note(float(second), second * 10)
        if second == 60:
            index.flush()
    for reader in (index, LogIndex(tmp_path / "log.index")):
        assert [reader.find(when) for when in (0.5, 1.0, 50.9)] == [0, 10, 500]
    assert [index.find(when) for when in (60.5, 61.0, 1e9)] == [600, 610, 1000]
    assert LogIndex(tmp_path / "log.index").find(1e9) == 600  # the rest is not written yet
    index.flush()
    assert LogIndex(tmp_path / "log.index").find(1e9) == index.find(1e9) == 1000


def test_the_index_says_nothing_where_nothing_grew(tmp_path):
    """An idle log costs no index, also after a restart of the agent."""
    index = LogIndex(tmp_path / "log.index")
    assert index.note(1.0, 10)
    assert not index.note(2.0, 10)
    index.flush()
    index.flush()
    assert not LogIndex(tmp_path / "log.index").note(3.0, 10)
    assert (tmp_path / "log.index").stat().st_size == 16


def test_the_index_survives_a_torn_end_and_a_clock_that_jumps_back(tmp_path):
    """Half a record is written over, and the file stays sorted."""
    path = tmp_path / "log.index"
    index = LogIndex(path)
    index.note(100.0, 10)
    index.flush()
    with path.open("ab") as file:
        file.write(b"torn")
    after = LogIndex(path)
    after.note(50.0, 20)
    after.note(101.0, 30)
    after.flush()
    assert path.stat().st_size == 48
    assert (after.find(99.0), after.find(100.5), after.find(102.0)) == (0, 20, 30)


def test_since_never_points_behind_the_end(tmp_path):
    """An index that is ahead of its log does not lead past it."""
    log = JobLog(tmp_path / "j")
    log.append(b"0123456789")
    log.index.note(1.0, 1000)
    assert log.offset_since(2.0) == 10


def test_the_index_keeper_notes_growth_and_outlives_a_lost_disk(tmp_path):
    """Each look records size and time, each fifth one writes; a folder that is gone costs those pairs only."""
    path = tmp_path / "gone" / "log.index"
    index = LogIndex(path)
    sizes = iter(range(10, 1000, 10))
    times = iter(range(1, 100))
    keeper = IndexKeeper(index, lambda: next(sizes), lambda: float(next(times)))
    for _ in range(WRITTEN):
        keeper.tick()
    (tmp_path / "gone").mkdir()
    assert index.find(99.0) == 0
    for _ in range(WRITTEN - 1):
        keeper.tick()
    assert not path.exists()
    assert index.find(7.5) == 70
    keeper.tick()
    keeper.tick(is_last=True)
    assert [LogIndex(path).find(when) for when in (5.5, 6.0, 10.0, 99.0)] == [0, 60, 100, 110]


def test_the_index_of_a_log_that_was_lost_is_forgotten(tmp_path):
    """What was not written yet, too."""
    index = LogIndex(tmp_path / "log.index")
    index.note(1.0, 10)
    index.flush()
    index.note(2.0, 20)
    index.clear()
    assert index.find(9.0) == 0
    index.flush()
    assert not (tmp_path / "log.index").exists()
