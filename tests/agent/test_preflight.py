"""The checks before a training, each a table: from measured facts to a verdict in plain words."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pod_agent.pod.preflight import cuda, kept, mount, room, verdict
from pod_agent.pod.preflight.mount import Mount
from pod_agent.pod.preflight.room import Room
from pod_agent.pod.preflight.verdict import FINE, Level

GB = 10**9


def test_findings_come_together():
    """One failure is enough, all reasons are told, the first remedy stands; warnings and notes are said once."""
    bad = verdict.failed(
        [FINE, verdict.failure("a", "do x"), verdict.warning("w"), verdict.failure("b", "do y")]
    )
    assert (bad.reason, bad.remedy) == ("a; b", "do x")
    assert verdict.failed([FINE, verdict.warning("w")]) is None
    odd = [verdict.warning("w", "do z"), verdict.note("n"), verdict.warning("w", "do z"), FINE]
    assert verdict.warnings(odd) == ("w (do z)",)
    assert verdict.texts(odd) == ("warning: w (do z)", "n")


@pytest.mark.parametrize(
    ("image", "driver", "compatible", "level"),
    [
        ("12.8.1", (12, 8), False, Level.FINE),
        ("12.4.1", (13, 0), False, Level.FINE),
        ("12.8.1", (12, 4), False, Level.WARNING),
        ("13.0.0", (12, 8), False, Level.FAILURE),
        ("13.0.0", (12, 8), True, Level.WARNING),
        ("10.2", (10, 1), False, Level.FAILURE),
        ("10.2", (10, 1), True, Level.WARNING),
        ("12.8.1", None, False, Level.FINE),
        (None, (12, 4), False, Level.FINE),
        ("", (12, 4), False, Level.FINE),
        ("latest", (12, 4), False, Level.FINE),
        ("12", (11, 4), False, Level.FINE),
        ("99999999999999999999.1", (12, 4), False, Level.FINE),
    ],
)
def test_the_images_cuda_against_the_drivers(image, driver, compatible, level):
    """Within a major version from 11 on it is a warning, across them a failure; the image may bring its own driver."""
    environment = {} if image is None else {"CUDA_VERSION": image}
    found = cuda.judge(cuda.of_image(environment), driver, compatible=compatible)
    assert found.level is level
    if level is Level.FAILURE:
        assert "CUDA_VERSION= (empty) skips this check" in found.remedy


def test_the_compatibility_package_is_seen(tmp_path):
    """NVIDIA's package is a libcuda of the image's own."""
    assert not cuda.has_compatibility(tmp_path / "none")
    assert not cuda.has_compatibility(tmp_path)
    (tmp_path / "libcuda.so.570.86.15").touch()
    assert cuda.has_compatibility(tmp_path)


@pytest.mark.parametrize(
    ("here", "checkpoint", "is_network", "level", "words"),
    [
        (Room(10 * GB, 20 * GB), 4 * GB, False, Level.FINE, ""),
        (Room(10 * GB, 20 * GB), 0, False, Level.FINE, ""),
        (Room(0, 20 * GB), 0, False, Level.FINE, ""),
        (
            Room(7 * GB, 20 * GB),
            4 * GB,
            False,
            Level.WARNING,
            "the workspace has 7.0 GB left, and a checkpoint",
        ),
        (Room(3 * GB, 20 * GB), 4 * GB, False, Level.FAILURE, "takes 4.0 GB"),
        (
            Room(900 * GB, 10**15),
            4 * GB,
            True,
            Level.NOTE,
            "cannot be seen from a pod; the next checkpoints take up",
        ),
        (Room(900 * GB, 10**15), 0, True, Level.FINE, ""),
        (Room(3 * GB, 10**15), 4 * GB, True, Level.FAILURE, "RunPod's cluster has 3.0 GB left"),
        (Room(10 * GB, 20 * GB, inodes=20), 0, False, Level.WARNING, "room for 20 more files"),
        (Room(10 * GB, 20 * GB, inodes=None), 0, False, Level.FINE, ""),
        (Room(10 * GB, 20 * GB, read_only=True), 0, False, Level.FAILURE, "read-only"),
        (None, 4 * GB, False, Level.WARNING, "does not answer"),
    ],
)
def test_room_on_the_workspace(here, checkpoint, is_network, level, words):
    """Less than one checkpoint's size is a failure, less than two a warning; a network's quota is never guessed."""
    found = room.judge_workspace(here, checkpoint, is_network=is_network)
    assert (found.level, words in found.reason) == (level, True)


@pytest.mark.parametrize(
    ("judge", "here", "words"),
    [
        (room.judge_container, Room(5 * GB, 20 * GB), ""),
        (room.judge_container, Room(200 * 10**6, 20 * GB), "the container's disk has 200 MB left"),
        (room.judge_container, Room(5 * GB, 20 * GB, inodes=3), "3 more files only"),
        (room.judge_container, None, ""),
        (room.judge_shared, Room(24 * GB, 24 * GB), ""),
        (room.judge_shared, Room(64 << 20, 64 << 20), "/dev/shm holds only 67 MB"),
        (room.judge_shared, None, ""),
    ],
)
def test_room_beside_the_workspace(judge, here, words):
    """A small container disk and a small /dev/shm are warnings with a remedy."""
    found = judge(here)
    assert found.level is (Level.WARNING if words else Level.FINE)
    assert words in found.reason
    assert bool(found.remedy) is bool(words)


def test_room_is_measured(tmp_path):
    """The kernel's figures of a real place; one that is not there is an error for whoever asks."""
    here = room.look(tmp_path)
    assert 0 <= here.free_bytes <= here.total_bytes
    with pytest.raises(OSError, match="No such file"):
        room.look(tmp_path / "none")


TABLE = """\
21 1 0:20 / / rw - overlay overlay rw
30 21 8:1 /vol /workspace rw,relatime shared:1 - ext4 /dev/sdb rw
31 21 0:30 / /dev/shm rw - tmpfs shm rw
32 21 0:31 / /my\\040work rw - fuse.mfs mfs#cluster rw
33 30 0:33 / /workspace/tmp rw - tmpfs tmpfs rw
34 21 0:34 / /over rw - ext4 /dev/sdc rw
35 34 0:35 / /over rw - overlay overlay rw
36 21 0:20 /part /same rw - overlay overlay rw
a torn line
"""


@pytest.mark.parametrize(
    ("path", "found", "is_lost"),
    [
        ("/workspace", Mount("/workspace", "ext4"), False),
        ("/workspace/me/deep", Mount("/workspace", "ext4"), False),
        ("/workspaces", Mount("/", "overlay", is_own=True), True),
        ("/workspace/tmp/x", Mount("/workspace/tmp", "tmpfs"), True),
        ("/my work", Mount("/my work", "fuse.mfs"), False),
        ("/over", Mount("/over", "overlay"), False),  # of a host that lies on one
        ("/same", Mount("/same", "overlay", is_own=True), True),
        ("/root", Mount("/", "overlay", is_own=True), True),
    ],
)
def test_the_mount_of_the_workspace(path, found, is_lost):
    """What lies on the container's own disk or in memory does not outlive a stop: a failure, unless that is allowed."""
    assert mount.find(path, TABLE) == found
    level = Level.FAILURE if is_lost else Level.FINE
    assert mount.judge(found, Path(path), is_ephemeral=False).level is level
    assert mount.judge(found, Path(path), is_ephemeral=True) == FINE
    assert mount.judge(None, Path(path), is_ephemeral=False) == FINE


def test_a_folder_of_the_hosts_own_disk_is_a_mount():
    """Where the container is no container, its disk and the volume may be the same device."""
    table = "21 1 8:1 / / rw - ext4 /dev/sda rw\n30 21 8:1 /vol /workspace rw - ext4 /dev/sda rw\n"
    assert not mount.find("/workspace/x", table).is_fleeting
    assert mount.find("/root", table).is_fleeting


def test_the_kernels_own_table_is_read(tmp_path):
    """Every path of this machine lies on some mount."""
    assert os.path.realpath(tmp_path).startswith(mount.look(tmp_path).point)


def test_what_was_found_is_kept(tmp_path):
    """The next agent of this boot reads it back; torn, foreign or missing files are as good as none."""
    known = kept.more(kept.Kept("boot", "hash", ("a",), ("warning: a",)), ("b", "a"), ("note",))
    assert (known.warnings, known.told) == (("a", "b"), ("warning: a", "note"))
    assert kept.read(tmp_path) is None
    kept.write(tmp_path, known)
    assert kept.read(tmp_path) == known
    for data in (b"", b'{"boot"', b"[]", b"\xff", b'{"format": 99, "boot": "b", "job": "j"}'):
        (tmp_path / kept.FILE).write_bytes(data)
        assert kept.read(tmp_path) is None
