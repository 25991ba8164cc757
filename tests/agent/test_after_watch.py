"""The program that looks on at a training somebody else began: its output as far as it can be read, and its end."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import threading

from pod_agent.run import after_watch
from tests.live import wait_for


def look_on(*words):
    argv = [sys.executable, "-I", "-S", after_watch.__file__, *words]
    return subprocess.run(argv, capture_output=True, timeout=60, check=False)


def test_a_pid_that_was_given_away_is_not_waited_for(training):
    """Another start time is another process."""
    done = look_on(f"{training().pid}:1", f"{1 << 22}:5")
    assert done.returncode == 0
    assert done.stdout.count(b"has ended") == 2


def test_a_long_past_is_cut_at_a_line(training, tmp_path):
    """Of an output that began before, the last megabyte is shown, from a line's beginning; what comes is whole."""
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"old line %d\n" % i for i in range(200_000)))
    with path.open("ab") as output:
        mine = training(output)
    start = after_watch.started(mine.pid)
    argv = [sys.executable, "-I", "-S", after_watch.__file__, f"{mine.pid}:{start}"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as watch:
        out = watch.stdout.read(1000)  # it has opened what it reads
        mine.ends()
        out += watch.stdout.read()
    lines = out.split(b"\n")
    assert all(re.fullmatch(rb"old line \d+", line) for line in lines[1:9])
    assert len(out) < (1 << 20) + 1000
    assert b"\nold line 199999\nstep 1\nthe last step\n" in out


def test_an_output_that_is_emptied_or_deleted_is_followed_on(training, tmp_path):
    """A file that a program truncates begins anew; one that was deleted is read by what the process holds of it."""
    path = tmp_path / "log"
    path.write_bytes(b"\xff\x00no text\n" * 100)
    with path.open("ab") as output:
        mine = training(output)
    start = after_watch.started(mine.pid)
    argv = [sys.executable, "-I", "-S", after_watch.__file__, f"{mine.pid}:{start}"]
    with (tmp_path / "seen").open("wb") as seen:
        watch = subprocess.Popen(argv, stdout=seen)
    wait_for("the past", lambda: b"step 1" in (tmp_path / "seen").read_bytes())
    os.truncate(path, 0)
    wait_for("emptied", lambda: b"was emptied" in (tmp_path / "seen").read_bytes())
    path.unlink()
    mine.ends()
    assert watch.wait(60) == 0
    assert b"the last step" in (tmp_path / "seen").read_bytes()


def test_an_output_that_is_turned_elsewhere_is_followed_there(tmp_path):
    """A script's `exec >other`, or a log that a program rotates itself."""
    old, new, seen = (tmp_path / name for name in ("old", "new", "seen"))
    script = f"echo one; read; exec >>{new}; echo two; read; echo three"
    with old.open("wb") as output:
        script = subprocess.Popen(["bash", "-c", script], stdin=subprocess.PIPE, stdout=output)
    burial = threading.Thread(target=script.wait)
    burial.start()
    argv = [
        sys.executable,
        "-I",
        "-S",
        after_watch.__file__,
        f"{script.pid}:{after_watch.started(script.pid)}",
    ]
    with seen.open("wb") as output:
        watch = subprocess.Popen(argv, stdout=output)
    try:
        wait_for("the first", lambda: b"\none\n" in seen.read_bytes())
        script.stdin.write(b"\n")
        script.stdin.flush()
        wait_for("the second", lambda: b"\ntwo\n" in seen.read_bytes())
        assert f"writes to {new} from now on".encode() in seen.read_bytes()
    finally:
        script.stdin.write(b"\n")
        script.stdin.close()
        burial.join()
    assert watch.wait(60) == 0
    assert b"\nthree\n" in seen.read_bytes()
    assert seen.read_bytes().count(b"from now on") == 1


def test_an_output_that_fails_ends_nothing(capfd):
    """A disk that does not give it any more: it is said, and the training is looked after all the same."""

    class Fails:
        def move(self):
            raise OSError(errno.EIO, "Input/output error")

    files = [Fails()]
    after_watch.follow(files)
    assert files == []
    assert "cannot be read any further: Input/output error" in capfd.readouterr().out
