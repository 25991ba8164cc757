"""The keeper under real jobs: what reaches the log, who is ended and when, and what it costs."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pod_agent.run import exit_record, keeper_start, keeper_tree
from pod_agent.run.attempt import Patience
from pod_agent.run.keeper_log import LogPump
from tests.agent.bench import HEADER, Bench, end_of, kill_keeper, program, until


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.finish()


def root_of_the_agent():
    return str(Path(keeper_start.__file__).parents[2])


def numbered(count):
    return b"".join(b"line %09d\n" % number for number in range(count))


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


def test_killing_the_pump_eight_times_in_a_second_loses_nothing(bench):
    """Eight keepers killed one after the other while the job writes: the log is identical byte for byte."""
    attempt = bench.start(program("counts.py", 10_000_000, 400, 0.004))
    began = time.monotonic()
    for _ in range(8):
        before = bench.log.stat().st_size
        until(lambda before=before: bench.log.stat().st_size > before)
        kill_keeper(attempt)
        assert attempt._adopt()
    assert time.monotonic() - began < 3.0  # 0.6 s on an idle machine
    (bench.cwd / "enough").touch()
    ended = end_of(attempt)
    lines = bench.output().count(b"\n")
    assert lines % 400 == 0
    assert bench.output() == numbered(lines)
    assert (ended.exit_code, ended.reason) == (None, "unknown")
    assert bench.log.read_bytes().endswith(b"EXIT_CODE=unknown\n")


@pytest.mark.slow
def test_two_hundred_megabytes_go_through_quickly(bench):
    """200 MB of one endless line are in the log after less than three seconds."""
    began = time.monotonic()
    ended = bench.run(program("endless_line.py", 200_000_000))
    assert time.monotonic() - began < 3.0
    assert ended.output_bytes == 200_000_000


# How it ends


def test_a_segfault_is_named(bench):
    """A job that reads where nothing is ends signalled, SEGV, with Python's stack in the log."""
    ended = bench.run(program("segfaults.py"))
    assert (ended.exit_code, ended.signal, ended.reason) == (139, "SEGV", "signalled")
    assert b"before\n" in bench.output()
    assert b"Segmentation fault" in bench.output()


def test_a_signal_that_a_shell_reports_is_named(bench):
    """A script whose command was killed exits with 137, which is told as KILL."""
    ended = bench.run("bash -c 'kill -9 $$'; exit $?")
    assert (ended.exit_code, ended.signal, ended.reason) == (137, "KILL", "signalled")


def test_a_pipeline_fails_with_its_first_part(bench):
    """The command runs under pipefail: a failed trainer is not hidden by tee."""
    assert bench.run("(exit 5) | cat").exit_code == 5


def test_a_command_that_is_not_there(bench):
    """The shell's words and its 127 are what the user sees."""
    ended = bench.run("no-such-trainer --epochs 3")
    assert ended.exit_code == 127
    assert b"no-such-trainer" in bench.output()


def test_a_folder_that_is_not_there(bench):
    """A working directory that is missing is a spawn failure, told in the log too."""
    ended = bench.run("echo never", cwd=bench.cwd / "missing")
    assert ended.reason == "spawn_failed"
    assert "No such file" in ended.detail
    assert bench.output() == f"podkeep: {ended.detail}\n".encode()


def test_a_log_that_cannot_be_opened(bench):
    """Without a log nothing is started, and the reason is told."""
    ended = bench.run("touch ran", log=bench.folder / "missing" / "log")
    assert ended.reason == "spawn_failed"
    assert not (bench.cwd / "ran").exists()


def memory_groups():
    """Folders of the memory cgroup that we are in, with the name of its limit: version 1, then 2."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            yield Path(f"/sys/fs/cgroup/memory{path}"), "memory.limit_in_bytes"
        elif not controllers:
            yield Path(f"/sys/fs/cgroup{path}"), "memory.max"


@pytest.fixture
def small_memory():
    """A memory cgroup with 200 MB in which this test is while it starts the keeper; None: not allowed here."""
    for home, limit in memory_groups():
        group = home / f"podkeep-test-{os.getpid()}"
        try:
            group.mkdir()
            (group / limit).write_text("200000000")
        except OSError:
            continue
        yield group
        (home / "cgroup.procs").write_text(str(os.getpid()))
        until(lambda group=group: not (group / "cgroup.procs").read_text())
        group.rmdir()
        return
    yield None


@pytest.mark.slow
def test_an_oom_kill_is_proved_by_the_kernels_counter(bench, small_memory):
    """A job that the kernel kills for memory ends with reason oom; its keeper, in the same cgroup, lives."""
    if small_memory is None:
        pytest.skip("no right to make a memory cgroup here; run as root")
    (small_memory / "cgroup.procs").write_text(str(os.getpid()))
    attempt = bench.start(program("eats_memory.py"))
    (small_memory.parent / "cgroup.procs").write_text(str(os.getpid()))
    ended = end_of(attempt)
    assert (ended.signal, ended.reason) == ("KILL", "oom")
    assert bench.output() == b"hungry\n"


# Who is ended, and when


def daemon_of(bench):
    found = until(lambda: re.search(rb"daemon (\d+)\n", bench.log.read_bytes()))
    return int(found[1])


def test_a_double_forked_daemon_is_found_and_ended(bench):
    """A daemon in another session does not outlive the attempt; it is asked by TERM."""
    ended = bench.run(program("double_forks.py"))
    assert ended.exit_code == 0
    assert keeper_tree.look_at(daemon_of(bench)) is None


def test_a_deaf_daemon_is_killed(bench):
    """A leftover that ignores TERM is killed when its patience is over."""
    began = time.monotonic()
    bench.run(program("double_forks.py", "deaf"), patience=Patience(leftover_s=0.3))
    assert 0.3 < time.monotonic() - began < 3.0
    assert keeper_tree.look_at(daemon_of(bench)) is None


def test_cancel_asks_the_whole_tree_with_pod_signal(bench):
    """Cancelled, the training gets POD_SIGNAL, and so does a descendant that left its process group."""
    command = program("saves_when_asked.py", 0, "SIGUSR1")
    attempt = bench.start(f"setsid {command} & wait $!", signal="USR1")
    until(lambda: bench.said(b"ready"))
    attempt.cancel()
    ended = end_of(attempt)
    assert ended.cancelled
    assert b"SIGUSR1 " in bench.output()


def test_cancel_gives_the_trainer_its_grace_when_its_shell_dies_first(bench):
    """The shell of a script dies of TERM at once; the trainer in it still saves within the grace of a cancel."""
    patience = Patience(grace_s=10.0, leftover_s=0.05)
    attempt = bench.start(f"{program('saves_when_asked.py', 0.4, 'SIGTERM')}; echo over", patience=patience)
    until(lambda: bench.said(b"ready"))
    attempt.cancel()
    ended = end_of(attempt)
    assert (ended.cancelled, ended.signal) == (True, "TERM")
    assert (bench.cwd / "saved").exists()
    assert bench.output().count(b"SIGTERM") == 1


def test_cancel_kills_what_ignores_it(bench):
    """A job that ignores TERM is killed when the grace is over."""
    attempt = bench.start(program("ignores_sigterm.py"), patience=Patience(grace_s=0.3))
    until(lambda: bench.said(b"ready"))
    attempt.cancel()
    ended = end_of(attempt)
    assert (ended.cancelled, ended.signal, ended.reason) == (True, "KILL", "signalled")
    assert b"TERM? No." in bench.output()


def test_hurry_reaches_the_training_within_50_ms(bench):
    """When the pod is going, POD_SIGNAL is in the training less than 50 ms after the keeper was told."""
    attempt = bench.start(program("saves_when_asked.py", 0, "SIGTERM"))
    until(lambda: bench.said(b"ready"))
    told = time.monotonic_ns()
    attempt.hurry()
    ended = end_of(attempt)
    heard = int(re.search(rb"SIGTERM (\d+)", bench.output())[1])
    assert heard - told < 50_000_000
    assert (ended.exit_code, ended.cancelled) == (0, False)


def test_hurry_reaches_a_job_that_writes_without_pause(bench):
    """A job that writes as fast as it can is ended as promptly as a silent one."""
    attempt = bench.start(program("endless_line.py"))
    until(lambda: bench.log.stat().st_size > 50_000_000)
    told = time.monotonic()
    attempt.hurry()
    ended = end_of(attempt)
    assert ended.signal == "TERM"
    assert time.monotonic() - told < 1.0


def test_hurry_after_cancel_shortens_the_patience(bench):
    """A pod that goes while a job is being cancelled waits no longer than the hurry allows."""
    attempt = bench.start(program("ignores_sigterm.py"), patience=Patience(grace_s=60.0, hurry_s=0.2))
    until(lambda: bench.said(b"ready"))
    attempt.cancel()
    until(lambda: bench.said(b"TERM? No."))
    attempt.hurry()
    ended = end_of(attempt, seconds=10)
    assert (ended.cancelled, ended.signal) == (True, "KILL")


# The job's surroundings


def test_the_job_finds_its_surroundings(bench):
    """stdin is empty, the session its own, the OOM score high, the umask ours, Python unbuffered, signals as new."""
    script = (
        "cat; ps -o sid= -p $$ | xargs test $$ -eq && echo session; cat /proc/self/oom_score_adj; umask;"
        "echo $PYTHONUNBUFFERED $PYTHONFAULTHANDLER; grep -E 'SigBlk|SigIgn' /proc/self/status | cut -f2"
    )
    old = os.umask(0o027)
    try:
        env = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "x"}
        bench.run(script, env=env)
    finally:
        os.umask(old)
    *facts, blocked, ignored = bench.output().split()
    assert facts == [b"session", b"800", b"0027", b"x", b"1"]
    c_library = 0b11 << 31  # signals 32 and 33 are glibc's own affair
    assert (int(blocked, 16), int(ignored, 16) & ~c_library) == (0, 0)


def test_no_secret_is_on_disk_or_in_an_argument(bench):
    """The environment's values are in no file of the attempt and not in the keeper's arguments or environment."""
    attempt = bench.start("sleep 60", env={"PATH": os.environ["PATH"], "HF_TOKEN": "hf_planted_secret"})
    files = [path.read_bytes() for path in attempt.folder.iterdir() if path.is_file()]
    told = [Path(f"/proc/{attempt.keeper_pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
    assert b"hf_planted_secret" not in b"".join([*files, *told, bench.log.read_bytes()])
    modes = {path.name: path.stat().st_mode & 0o077 for path in [attempt.folder, *attempt.folder.iterdir()]}
    assert not any(modes.values()), modes
    attempt.hurry()
    end_of(attempt)


def test_the_pid_file_names_the_living_keeper(bench):
    """keeper.pid holds pid and start time while a keeper lives, and is gone afterwards."""
    attempt = bench.start("sleep 60")
    pid, start = map(int, (bench.run_dir / "keeper.pid").read_text().split())
    assert pid == attempt.keeper_pid
    assert keeper_tree.is_alive(pid, start)
    os.kill(pid, signal.SIGTERM)
    assert end_of(attempt).signal == "TERM"
    assert not (bench.run_dir / "keeper.pid").exists()


def test_an_idle_keeper_costs_no_cpu_and_less_than_8_mb(bench):
    """While nothing happens the keeper is never scheduled; its proportional memory is below 8 MB."""
    attempt = bench.start("sleep 60")

    def switches():
        status = Path(f"/proc/{attempt.keeper_pid}/status").read_text()
        return [int(n) for n in re.findall(r"ctxt_switches:\s+(\d+)", status)]

    time.sleep(0.1)
    before = switches()
    time.sleep(0.5)
    assert switches() == before
    memory = Path(f"/proc/{attempt.keeper_pid}/smaps_rollup").read_text()
    assert int(re.search(r"Pss:\s+(\d+)", memory)[1]) < 8192
    attempt.hurry()
    end_of(attempt)


def test_nothing_of_the_agents_is_open_in_the_job(bench):
    """A listening socket that an agent left inheritable is open neither in the keeper nor in the job."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.set_inheritable(True)
        attempt = bench.start("sleep 60")
        folders = [Path(f"/proc/{pid}/fd") for pid in (attempt.keeper_pid, attempt.pid)]
        links = [str(path.readlink()) for folder in folders for path in folder.iterdir()]
    assert not any("socket" in link for link in links)
    attempt.hurry()
    end_of(attempt)


def test_a_newborn_without_a_keeper_runs_nothing(bench):
    """The keeper dies before it has written down the child: the gate never opens, and the command never runs."""
    code = (
        "import os, sys; sys.path.append(sys.argv[1]); from pod_agent.run import keeper_spawn as s;"
        "os.mkfifo('fifo'); birth = s.spawn(b'touch ran', b'.', dict(os.environb), 'nonce', 0o22);"
        "os.close(birth.gate); print(os.waitstatus_to_exitcode(os.waitpid(birth.pid, 0)[1]))"
    )
    command = [sys.executable, "-I", "-S", "-c", code, root_of_the_agent()]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=bench.cwd)
    assert answer.stdout == "125\n"
    assert not (bench.cwd / "ran").exists()


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


def test_a_full_device_is_told_as_a_full_disk(bench):
    """A log that takes nothing from the first byte on: blocked, ended, disk_full, and the lost bytes counted."""
    patience = Patience(full_s=0.2, grace_s=0.2, leftover_s=0.2)
    ended = bench.run("echo lost; sleep 60", log=Path("/dev/full"), patience=patience)
    assert ended.reason == "disk_full"
    assert ended.unwritten_bytes == len(HEADER + b"lost\n")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 8 MB, really mounted: as root, else the test must be run where it may."""
    where = tmp_path / "small"
    where.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "podkeep-test", str(where)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert mount.returncode == 0, (
        f"this test mounts a tmpfs; run it as root or under unshare -Urm: {mount.stderr}"
    )
    yield where
    subprocess.run(["umount", "-l", str(where)], check=True)


def test_a_full_disk_blocks_the_job_until_there_is_room(bench, small_disk):
    """While the disk is full the job waits in its write; when there is room again not a byte is missing."""
    log = small_disk / "log"
    (small_disk / "filler").write_bytes(b"f" * (7 << 20))
    attempt = bench.start(program("counts.py", 200_000, 2_000, 0), log=log, patience=Patience(full_s=2.0))
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


# Who keeps


def test_a_late_keeper_touches_nothing(bench):
    """A second keeper of the same attempt exits at once; claim, record, log and training are as before."""
    plan = bench.plan("touch ran-$$; sleep 60")
    attempt = bench.start(plan.command)
    until(lambda: len(list(bench.cwd.iterdir())) == 1)
    before = {path.name: path.stat().st_mtime_ns for path in attempt.folder.iterdir()} | {
        "": bench.log.read_bytes()
    }
    keeper_start.spawn_keeper(plan.folder, 1, "start", keeper_start.errand(plan))
    after = {path.name: path.stat().st_mtime_ns for path in attempt.folder.iterdir()} | {
        "": bench.log.read_bytes()
    }
    assert after == before
    assert len(list(bench.cwd.iterdir())) == 1
    attempt.hurry()
    assert end_of(attempt).signal == "TERM"


def test_a_keeper_told_only_half_claims_nothing(bench):
    """When its agent dies in mid-sentence, a keeper exits without a claim and nothing runs."""
    plan = bench.plan("touch ran")
    plan.folder.mkdir(parents=True)
    keeper_start.write_orders(plan)
    keeper_start.spawn_keeper(plan.folder, 1, "start", keeper_start.errand(plan)[:-1])
    assert exit_record.newest_claim(str(plan.folder)) is None
    assert not (bench.cwd / "ran").exists()


def test_the_keeper_imports_nothing_heavy(bench):
    """The keeper's modules are the few it needs: nothing of ours but its own files."""
    code = "import sys; sys.path.append(sys.argv[1]); import pod_agent.run.keeper; print(*sys.modules)"
    root = root_of_the_agent()
    answer = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, root], capture_output=True, text=True, check=True
    )
    modules = set(answer.stdout.split())
    assert not modules & {"json", "typing", "dataclasses", "subprocess", "pathlib", "threading", "re"}
    ours = {name for name in modules if name.startswith("pod_")}
    assert ours <= {"pod_agent", "pod_agent.run"} | {
        f"pod_agent.run.{name}"
        for name in ("keeper", "keeper_log", "keeper_loop", "keeper_tree", "exit_record")
    }


def test_keeper_killed_while_ending_leftovers_keeps_the_exit_code(bench):
    """The exit is written down at once: a keeper that dies while it ends the leftovers loses no exit code."""
    attempt = bench.start(program("double_forks.py", "deaf") + "; exit 4", patience=Patience(leftover_s=0.5))
    until(lambda: exit_record.read_record(str(attempt.folder)).state == "exited")
    kill_keeper(attempt)
    ended = end_of(attempt)
    assert (ended.exit_code, ended.reason) == (4, "exited")
    assert keeper_tree.look_at(daemon_of(bench)) is None
    assert bench.log.read_bytes().endswith(b"EXIT_CODE=4\n")
