"""The host key: one for all boots and pods of a workspace, 0600 where sshd reads it, and never a reason to hang."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading

import pytest

from pod_agent.pod.scribe import Scribe
from pod_agent.pod.sshd_host_key import NAME, HostKey
from pod_wire.errors import PodError
from tests.live import wait_for


class Pods:
    """Container disks beside one workspace."""

    def __init__(self, folder):
        self.folder = folder
        self.workspace = folder / "workspace"
        self.workspace.mkdir()
        self.shared = self.workspace / ".podkeep" / "ssh"

    def key(self, disk="disk", quill=None, program="ssh-keygen"):
        return HostKey(self.folder / disk / "ssh", self.shared, quill or Scribe(), program)

    def hold(self, disk="disk", **more):
        return self.key(disk, **more).hold()


@pytest.fixture
def pods(tmp_path):
    return Pods(tmp_path)


def test_the_same_key_on_every_boot_and_pod(pods):
    """A new container disk beside the same workspace gives the same key; a restart changes nothing."""
    first = pods.hold()
    assert first.public.startswith(b"ssh-ed25519 ")
    assert pods.hold() == first
    second = pods.hold("another disk")
    assert (second.public, second.trouble) == (first.public, None)
    assert second.path.stat().st_mode & 0o777 == 0o600


def test_a_volume_that_shows_0666_is_no_matter(pods):
    """sshd reads the copy on the container's disk, which is ours alone."""
    first = pods.hold()
    (pods.shared / NAME).chmod(0o666)
    first.path.chmod(0o644)
    assert pods.hold() == first
    assert pods.hold("new").path.stat().st_mode & 0o777 == 0o600
    assert first.path.stat().st_mode & 0o777 == 0o600


def test_many_pods_that_begin_at_once_agree(pods):
    """The first to link its key decides; the others take that one."""
    found = []
    gate = threading.Barrier(6)

    def one(number):
        gate.wait()
        found.append(pods.hold(f"disk{number}"))

    threads = [threading.Thread(target=one, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({held.public for held in found}) == 1
    assert [held.trouble for held in found] == [None] * 6
    assert len({held.path.read_bytes() for held in found}) == 1
    assert [path.name for path in pods.shared.iterdir()] == [NAME]


@pytest.mark.parametrize("damage", [b"", b"\n", b"nonsense", b"cut", b"\0" * 400, b"x" * 1_000_000])
def test_a_damaged_key_on_the_workspace_is_replaced(pods, damage):
    """By this pod's own, so that the next boot finds a whole one."""
    first = pods.hold()
    whole = (pods.shared / NAME).read_bytes()
    (pods.shared / NAME).write_bytes(whole[:200] if damage == b"cut" else damage)
    held = pods.hold()
    assert (held.public, held.trouble) == (first.public, None)
    assert pods.hold("new").public == first.public


def test_a_key_with_a_passphrase_is_not_asked_about(pods):
    """Nobody is there to type it."""
    pods.shared.mkdir(parents=True)
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(pods.shared / NAME)], check=True
    )
    held = pods.hold()
    assert pods.hold("new").public == held.public


def test_a_workspace_that_does_not_answer_costs_its_limit_once(pods):
    """Then this container has a key of its own, and says so; it stays the same while the container does."""
    over = threading.Event()
    quill = Scribe(0.05)
    with pytest.raises(PodError, match="no answer"):
        quill.do("hang", lambda: over.wait(600))
    key = pods.key(quill=quill)
    first = key.hold()
    assert "does not answer" in first.trouble
    assert key.hold() == first
    over.set()
    wait_for("the workspace answers", lambda: not quill.is_stuck)
    healed = key.hold()
    assert (healed.public, healed.trouble) == (first.public, None)
    assert pods.hold("new").public == first.public


def test_no_workspace_is_a_key_of_our_own_and_makes_no_folder(pods):
    """What is missing is not made: a mount may come there later."""
    shutil.rmtree(pods.workspace)
    held = pods.hold()
    assert "no workspace" in held.trouble or "No such file" in held.trouble
    assert not pods.workspace.exists()
    assert pods.hold().public == held.public


def test_a_workspace_that_takes_no_folder_is_a_key_of_our_own(pods):
    """A file where the folder should be stands for whatever refuses a write, also to root."""
    (pods.workspace / ".podkeep").write_text("in the way")
    held = pods.hold()
    assert held.trouble is not None
    assert held.path.stat().st_mode & 0o777 == 0o600


def test_no_link_of_another_pod_is_followed_out_of_the_workspace(pods, tmp_path):
    """A folder or a key that is a link: nothing is written or read where it leads, and this pod has a key."""
    outside = tmp_path / "outside"
    outside.mkdir()
    for link in (pods.shared.parent, pods.shared):
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(outside)
        held = pods.hold()
        assert held.trouble is not None
        assert list(outside.iterdir()) == []
        link.unlink()
    pods.shared.mkdir(parents=True)
    mine = outside / "mine"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(mine)], check=True)
    before = mine.read_bytes()
    (pods.shared / NAME).symlink_to(mine)
    held = pods.hold()
    assert (held.trouble, mine.read_bytes()) == (None, before)
    assert held.path.read_bytes() != before
    assert not (pods.shared / NAME).is_symlink()
    assert pods.hold("new").public == held.public


def test_what_is_no_file_is_not_waited_for(pods):
    """A pipe or a folder in the key's place: a key all the same, at once."""
    pods.shared.mkdir(parents=True)
    os.mkfifo(pods.shared / NAME)
    held = pods.hold()
    assert held.trouble is None
    (pods.shared / NAME).unlink()
    (pods.shared / NAME).mkdir()
    again = pods.hold()
    assert again.public == held.public
    assert again.trouble is not None


def test_a_broken_ssh_keygen_is_an_error_with_words(pods, tmp_path):
    """No program, one that fails, one that writes nothing."""
    with pytest.raises(OSError, match="nowhere"):
        pods.hold(program=str(tmp_path / "nowhere"))
    for number, text in enumerate(("exit 3", "exit 0")):
        program = tmp_path / f"keygen{number}"
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
        with pytest.raises((PodError, OSError)):
            pods.hold(program=str(program))


def test_a_killed_start_leaves_nothing_in_the_way(pods):
    """Drafts of an earlier life are written over."""
    near = pods.folder / "disk" / "ssh"
    near.mkdir(parents=True)
    for name in (f".{NAME}.new", f".{NAME}.new.pub", f".{NAME}.look"):
        (near / name).write_text("half")
    held = pods.hold()
    assert held.trouble is None
    assert [path.name for path in near.iterdir()] == [NAME]
    assert [path.name for path in pods.shared.iterdir()] == [NAME]
