"""What a real job writes and what is in its log, with keepers that die and disks that are full."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import time
from pathlib import Path

import pytest

from pod_agent.run.attempt import Patience
from pod_agent.run.keeper_log import LogPump
from tests import busy
from tests.agent.bench import HEADER, end_of, kill_keeper, numbered, program, until

# What reaches the log


def test_the_log_is_header_output_and_exit_code(bench):
    """The log holds the header, what the command wrote to both outputs, and the line EXIT_CODE=."""
    ended = bench.run("echo out; echo err >&2; exit 3")
    assert bench.log.read_bytes() == HEADER + b"out\nerr\nEXIT_CODE=3\n"
    assert (ended.exit_code, ended.signal, ended.reason, ended.output_bytes) == (3, None, "exited", 8)
    assert bench.log.stat().st_mode & 0o777 == 0o600


def test_attempts_follow_each_other_in_one_log(bench):
    """A second attempt appends to the same log, on a line of its own."""
    bench.log.write_bytes(b"podkeep: cloned")
    bench.run("printf one")
    bench.run("printf two", number=2)
    once = b"\n" + HEADER
    assert bench.log.read_bytes() == (
        b"podkeep: cloned" + once + b"one\nEXIT_CODE=0\n" + HEADER + b"two\nEXIT_CODE=0\n"
    )


def test_opening_dev_stderr_loses_nothing(bench):
    """A script that opens /dev/stderr by name, which empties a regular file, loses no line."""
    bench.run(program("writes_dev_stderr.sh"))
    assert bench.output() == b"".join(b"out %d\nerr %d\n" % (n, n) for n in range(1, 201))


def test_tee_to_dev_stdout_loses_nothing(bench):
    """Every byte that tee writes to /dev/stdout and to its output is in the log twice."""
    bench.run(program("tees_dev_stdout.sh"))
    assert sorted(bench.output()) == sorted(2 * b"".join(b"%d\n" % n for n in range(1, 2001)))


def test_a_job_cannot_truncate_its_log(bench):
    """Truncating stdout is refused by the kernel, and opening it for writing empties nothing."""
    bench.run(program("truncates_stdout.py"))
    assert bench.output() == b"before\nrefused: Invalid argument\nafter\n"


def test_bytes_go_through_as_they_are(bench):
    """Output that is not UTF-8 is in the log byte for byte."""
    bench.run(program("writes_no_utf8.py"))
    assert bench.output() == bytes(range(256)) + b"\xf0\x9f\n\xc3(\xa0\xff\xfe\r\n"


def test_no_newline_at_the_end(bench):
    """EXIT_CODE= begins a line of its own also when the output does not end in a newline."""
    ended = bench.run(program("ends_without_newline.py"))
    assert bench.log.read_bytes() == HEADER + b"50 %\nEXIT_CODE=0\n"
    assert ended.output_bytes == 4


def test_a_closed_stdout_is_no_end(bench):
    """A job that closes both outputs goes on, and its exit counts."""
    ended = bench.run(program("closes_stdout.py", 0.1))
    assert bench.output() == b"last words\n"
    assert (ended.exit_code, ended.reason) == (0, "exited")


def test_success_without_a_word(bench):
    """A job that says nothing and exits 0 ends with no output at all."""
    ended = bench.run(program("exits_silently.sh"))
    assert (ended.exit_code, ended.output_bytes) == (0, 0)
    assert bench.output() == b""


def test_a_secret_is_in_the_log_as_printed(bench):
    """The keeper writes what comes; masking is for whoever serves the log."""
    env = {"PATH": os.environ["PATH"], "HF_TOKEN": "hf_planted_secret"}
    bench.run(program("prints_secret.py"), env=env)
    assert bench.output() == b"logging in with hf_planted_secret\nhf_planted_secret\n"


def test_a_slow_checkpoint_is_not_disturbed(bench):
    """A job that writes its checkpoint piece by piece is left alone until it exits."""
    assert bench.run(program("slow_checkpoint.py", 0.2)).exit_code == 0
    assert (bench.cwd / "checkpoint.bin").stat().st_size == 20 * 4096


def test_killing_the_pump_eight_times_in_a_row_loses_nothing(bench):
    """Eight keepers killed one after the other while the job writes: the log is identical byte for byte."""
    attempt = bench.start(program("counts.py", 10_000_000, 400, 0.004))
    watch = busy.Watch()
    for _ in range(8):
        before = bench.log.stat().st_size
        until(lambda before=before: bench.log.stat().st_size > before)
        kill_keeper(attempt)
        assert attempt._adopt()
    assert not watch.was_too_long(3.0)  # 0.6 s on an idle machine
    (bench.cwd / "enough").touch()
    ended = end_of(attempt)
    lines = bench.output().count(b"\n")
    assert lines % 400 == 0
    assert bench.output() == numbered(lines)
    assert (ended.exit_code, ended.reason) == (None, "unknown")
    assert bench.log.read_bytes().endswith(b"EXIT_CODE=unknown\n")


@pytest.mark.slow
def test_two_hundred_megabytes_go_through_quickly(bench):
    """200 MB of one endless line cost the job and its keeper less than three seconds of a processor."""
    before, watch = _burnt_s(), busy.Watch()
    ended = bench.run(program("endless_line.py", 200_000_000))
    assert ended.output_bytes == 200_000_000
    assert _burnt_s() - before < 3.0
    assert not watch.was_too_long(3.0)


def _burnt_s():
    """CPU seconds of all children that have been waited for, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# The disk


def test_a_log_that_splice_refuses_is_written_all_the_same(bench):
    """On a file system without splice the bytes are copied: all of them, also a last odd one."""
    os.mkfifo(bench.folder / "fifo")
    pump = LogPump(str(bench.folder / "fifo"), os.fsencode(bench.log))
    pump.splices = False
    pump.own = HEADER
    data = numbered(50_000)[:-3]
    with (bench.folder / "fifo").open("wb", buffering=0) as writer:
        for first in range(0, len(data), 100_000):
            writer.write(data[first : first + 100_000])
            until(lambda: (pump.move(), pump.is_clear)[1])
    for fd in (pump.fifo, pump.log):
        os.close(fd)
    assert bench.log.read_bytes() == HEADER + data


@pytest.mark.slow
def test_a_full_device_is_told_as_a_full_disk(bench):
    """A log that takes nothing from the first byte on: blocked, ended, disk_full, and the lost bytes counted."""
    patience = Patience(full_s=3.0, grace_s=0.2, leftover_s=0.2)  # until then the shell has spoken
    ended = bench.run("echo lost; sleep 60", log=Path("/dev/full"), patience=patience)
    assert ended.reason == "disk_full"
    assert ended.unwritten_bytes == len(HEADER + b"lost\n")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 8 MB, really mounted, in a mount namespace of its own that ends with its holder."""
    where = tmp_path / "small"
    where.mkdir()
    rights = "-m" if os.geteuid() == 0 else "-Urm"
    script = 'mount -t tmpfs -o size=8m,mode=700 podkeep-test "$0" && echo mounted && exec sleep 600'
    command = ["unshare", rights, "sh", "-c", script, where]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as holder:
        answer = holder.stdout.readline()
        assert answer == "mounted\n", f"run as root, or where user namespaces are allowed: {answer}"
        yield Path(f"/proc/{holder.pid}/root{where}")
        holder.kill()


def test_a_full_disk_blocks_the_job_until_there_is_room(bench, small_disk):
    """While the disk is full the job waits in its write; when there is room again not a byte is missing."""
    log = small_disk / "log"
    (small_disk / "filler").write_bytes(b"f" * (7 << 20))
    attempt = bench.start(program("counts.py", 200_000, 2_000, 0), log=log, patience=Patience(full_s=60.0))
    until(lambda: log.stat().st_size > 900_000)
    time.sleep(0.2)
    assert attempt.ended is None
    (small_disk / "filler").unlink()
    ended = end_of(attempt)
    assert (ended.exit_code, ended.reason, ended.unwritten_bytes) == (0, "exited", 0)
    assert log.read_bytes() == HEADER + numbered(200_000) + b"EXIT_CODE=0\n"


@pytest.mark.slow
def test_a_disk_that_stays_full_ends_the_attempt(bench, small_disk):
    """Blocked for too long, the attempt ends as disk_full; the ballast makes room for its last words."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"b" * (2 << 20))
    log = small_disk / "log"
    patience = Patience(full_s=0.6, grace_s=0.5, leftover_s=0.5)
    ended = bench.run(
        program("fills_disk.py", 20 << 20), log=log, ballast=ballast, cwd=small_disk, patience=patience
    )
    assert ended.reason == "disk_full"
    assert "No space left" in ended.detail
    assert not ballast.exists()
    assert log.read_bytes().startswith(HEADER + b"full\n")
    assert re.search(rb"\nEXIT_CODE=\d+\n\Z", log.read_bytes())
    assert ended.unwritten_bytes == 0


@pytest.mark.slow
def test_a_disk_without_any_room_left_still_gives_an_end(bench, small_disk):
    """Without a ballast the last bytes cannot be saved: their number is told, and the attempt ends."""
    log = small_disk / "log"
    patience = Patience(full_s=0.4, grace_s=0.3, leftover_s=0.3)
    ended = bench.run(program("fills_disk.py", 20 << 20), log=log, cwd=small_disk, patience=patience)
    assert ended.reason == "disk_full"
    assert ended.unwritten_bytes > 0
    assert log.stat().st_size == len(HEADER) + ended.output_bytes
