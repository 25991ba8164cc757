"""Which files were just closed or moved into place: real inotify, real writers."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading

import pytest

from pod_agent.outputs.closings import Closings, Way
from tests.live import wait_for


@pytest.fixture
def watched(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old.pt").write_bytes(b"x")
    closings = Closings(tmp_path)
    yield tmp_path, closings
    closings.close()


def all_of(closings, wanted):
    """What is told until these are among it."""
    found = {}

    def look():
        found.update(closings.wait(0.2))
        return wanted <= set(found)

    wait_for(f"{wanted} in {found}", look)
    return found


def test_a_writer_closes_and_another_moves(watched):
    """Closed under its own name, or put there whole; an open file and a read one say nothing."""
    top, closings = watched
    (top / "out" / "old.pt").read_bytes()
    with (top / "out" / "a.pt").open("wb") as file:
        file.write(b"1")
        file.flush()
        assert closings.wait(0.05) == {}
    (top / "b.tmp").write_bytes(b"2")
    (top / "b.tmp").rename(top / "out" / "b.pt")
    found = all_of(closings, {top / "out" / "a.pt", top / "out" / "b.pt"})
    assert found[top / "out" / "a.pt"] is Way.IN_PLACE
    assert found[top / "out" / "b.pt"] is Way.MOVED


def test_a_new_folder_is_watched_with_what_lies_in_it(watched):
    """What was written before anybody watched the folder is told too, and what comes later."""
    top, closings = watched
    (top / "runs" / "a" / "b").mkdir(parents=True)
    (top / "runs" / "a" / "b" / "c.pt").write_bytes(b"1")
    all_of(closings, {top / "runs" / "a" / "b" / "c.pt"})
    (top / "runs" / "a" / "b" / "c.pt").write_bytes(b"22")
    assert (
        all_of(closings, {top / "runs" / "a" / "b" / "c.pt"})[top / "runs" / "a" / "b" / "c.pt"]
        is Way.IN_PLACE
    )


def test_hidden_folders_and_caches_are_passed_over(watched):
    """Neither git's files nor an environment's are anybody's checkpoint."""
    top, closings = watched
    for name in (".git", "__pycache__", "venv", ".podkeep"):
        (top / name).mkdir()
        closings.wait(0.05)
        (top / name / "x.pt").write_bytes(b"1")
    assert closings.wait(0.05) == {}


def test_waking_ends_the_wait_and_closing_twice_is_fine(watched):
    """Whoever ends a watch does not wait for its next look; after the close nothing happens any more."""
    _, closings = watched
    threading.Timer(0.1, closings.wake).start()
    closings.wait(30.0)
    closings.wait(30.0)
    closings.close()
    closings.close()
    closings.wake()


def test_a_folder_that_is_not_there_is_no_error(tmp_path):
    """Then there are no events; whoever waits looks on a timer."""
    closings = Closings(tmp_path / "nowhere")
    assert closings.wait(0.01) == {}
    closings.close()


def test_a_process_with_many_open_files_is_told_too(tmp_path):
    """Descriptors over 1023 are waited for as any other."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 1100
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1040)]
    try:
        closings = Closings(tmp_path)
        (tmp_path / "new.pt").write_bytes(b"x")
        all_of(closings, {tmp_path / "new.pt"})
        closings.close()
    finally:
        for fd in held:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


NO_DESCRIPTOR_LEFT = """
import contextlib, os, resource, sys, threading, time
from pathlib import Path
from pod_agent.outputs.closings import Closings

resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
held = []
with contextlib.suppress(OSError):
    while True:
        held.append(os.open(os.devnull, os.O_RDONLY))
for _ in range(int(sys.argv[1])):
    os.close(held.pop())
closings = Closings(Path(sys.argv[2]))
print(closings.wait(0.01), flush=True)
threading.Timer(0.1, closings.wake).start()
closings.wait(600.0)
closings.wait(600.0)
closings.close()
closings.wake()
print("woken")
"""


@pytest.mark.parametrize("left", [0, 1, 2])
def test_a_process_that_may_open_nothing_more_waits_for_its_timer(tmp_path, left):
    """Neither an eventfd nor inotify, or only one of them: no events are told, and waking still ends the wait."""
    argv = [sys.executable, "-c", NO_DESCRIPTOR_LEFT, str(left), str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "{}\nwoken\n", "")


def test_a_plain_tree_is_heard_as_a_whole(watched):
    """New folders, links to what lies in the tree and what nobody looks into change nothing of that."""
    top, closings = watched
    assert closings.hears_all
    assert closings.wait(0) == {}
    assert not closings.stirred
    (top / "runs").mkdir()
    closings.wait(5)
    assert closings.stirred
    (top / ".git" / "objects").mkdir(parents=True)
    (top / "runs" / "last.ckpt").symlink_to(top / "out" / "old.pt")
    all_of(closings, set())
    (top / ".saves").mkdir()
    (top / ".saves" / "a.pt").write_bytes(b"1")
    all_of(closings, {top / ".saves" / "a.pt"})
    assert closings.hears_all


@pytest.mark.parametrize("what", ["a link out", "the top is gone"])
@pytest.mark.parametrize("is_early", [True, False])
def test_what_is_not_heard_is_known(tmp_path, what, is_early):
    """A file elsewhere, a tree that went: met at the start or later."""
    top = tmp_path / "top"
    top.mkdir()
    closings = None if is_early else Closings(top)
    if what == "a link out":
        (tmp_path / "elsewhere.pt").write_bytes(b"1")
        (top / "a.pt").symlink_to(tmp_path / "elsewhere.pt")
    else:
        top.rmdir()
    closings = closings or Closings(top)
    wait_for("it is known", lambda: closings.wait(0.05) is not None and not closings.hears_all)
    closings.close()
