"""Disks, each by itself and none waited for; and the bytes of the network cards."""

from __future__ import annotations

import errno
import os
import threading
import time

import pytest

from pod_agent.pod.vitals import network
from pod_agent.pod.vitals.disks import DiskWatch
from pod_agent.pod.vitals.sample import Disk, Link
from tests.fakes import hung_mount
from tests.fakes.clock import FakeClock
from tests.live import wait_for

NET = """Inter-|   Receive                    |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo
    lo: 3166130 10151 0 0 0 0 0 0 3166130 10151 0 0 0 0 0 0
  eth0:98765432101 8123456 0 0 0 0 0 0 12345678 81234 0 0 0 0 0 0
"""


def test_places_are_told_apart(tmp_path):
    """Sizes and room as the kernel says, by name; a place that is not there has none, and is not silent."""
    watch = DiskWatch({"workspace": tmp_path, "nowhere": tmp_path / "no" / "thing"}, FakeClock())

    def told():
        found = watch.look()
        return found if found[0].size_bytes is not None else None

    there, nowhere = wait_for("an answer", told)
    kernel = os.statvfs(tmp_path)
    assert there.size_bytes == kernel.f_blocks * kernel.f_frsize
    assert 0 < there.free_bytes < there.size_bytes
    assert nowhere == Disk("nowhere")


def test_a_file_system_without_counts_is_not_full(tmp_path):
    """All zeros, as some network mounts tell, are no figures."""
    nothing = os.statvfs_result((4096, 4096, 0, 0, 0, 0, 0, 0, 0, 255))
    watch = DiskWatch({"workspace": tmp_path}, FakeClock(), statvfs=lambda _: nothing)
    assert watch.look() == (Disk("workspace"),)


def test_a_disk_is_asked_once_in_ten_seconds(tmp_path):
    """And its figures stand in between."""
    asked, clock = [], FakeClock()

    def statvfs(path):
        asked.append(path)
        return os.statvfs(path)

    watch = DiskWatch({"workspace": tmp_path}, clock, statvfs=statvfs)
    for _ in range(25):
        wait_for("the look is over", lambda: watch.look()[0].size_bytes is not None)
        clock.advance(1.0)
    assert len(asked) == 3


def test_a_place_that_hangs_is_silent_after_five_seconds_and_holds_nobody_up(tmp_path):
    """Its last figures stand until then; it is asked no second time, the others go on, and it comes back."""
    go, clock, asked = threading.Event(), FakeClock(), []

    def statvfs(path):
        asked.append(path.name)
        if path.name == "hung":
            go.wait(60)
        return os.statvfs(tmp_path)

    watch = DiskWatch({"workspace": tmp_path / "hung", "shm": tmp_path / "well"}, clock, statvfs=statvfs)
    wait_for("the other one's answer", lambda: watch.look()[1].size_bytes is not None)
    assert watch.look()[0] == Disk("workspace")
    clock.advance(60.0)
    hung, well = watch.look()
    assert hung == Disk("workspace", is_silent=True)
    assert well.size_bytes is not None
    assert asked.count("hung") == 1
    go.set()
    assert wait_for("it answers", lambda: watch.look()[0].size_bytes)


@pytest.mark.skipif(not hung_mount.is_possible(), reason="needs root and /dev/fuse for a mount that hangs")
def test_a_mount_that_really_hangs_holds_nobody_up(tmp_path):
    """A look takes its twentieth of a second, however long the kernel does not answer."""
    clock = FakeClock()
    with hung_mount.hung(tmp_path):
        watch = DiskWatch({"workspace": tmp_path}, clock)
        began = time.monotonic()
        for _ in range(10):
            watch.look()
            clock.advance(1.0)
        assert watch.look() == (Disk("workspace", is_silent=True),)
        assert time.monotonic() - began < 20  # it hangs until it is taken away
    wait_for("the thread has its error", lambda: not watch.look()[0].is_silent)


def test_an_error_of_the_disk_is_no_figure(tmp_path):
    """A mount whose other side is gone."""

    def gone(_path):
        raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

    assert DiskWatch({"workspace": tmp_path}, FakeClock(), statvfs=gone).look() == (Disk("workspace"),)


def test_network_cards_are_read_without_the_loop():
    """Also where the kernel leaves no space after the colon."""
    assert network.read(NET) == (Link("eth0", 98765432101, 12345678),)


def test_a_host_with_many_cards_shows_eight():
    """Labels are bounded."""
    table = "".join(f"veth{n}: {n} 0 0 0 0 0 0 0 1 0\n" for n in range(300))
    assert [link.name for link in network.read(table)] == [f"veth{n}" for n in range(8)]


@pytest.mark.parametrize("table", ["", "x\n", "eth0: 1 2\n", "eth0: a b c d e f g h i\n"])
def test_lines_that_mean_nothing_are_no_cards(table):
    """Nothing is guessed."""
    assert network.read(table) == ()


def test_this_machines_own_table_is_read(tmp_path):
    """And a table that is not there is not available."""
    assert network.look() is not None
    assert network.look(tmp_path / "none") is None
