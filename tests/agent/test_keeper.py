"""The keeper under real jobs: how they end, who is ended, and when."""

from __future__ import annotations

import os
import re
import time

import pytest

from pod_agent.run import exit_record, keeper_start, keeper_tree
from pod_agent.run.attempt import Patience
from tests import busy
from tests.agent.bench import end_of, kill_keeper, program, until
from tests.agent.cgroup_trees import memory_groups

SOON_NS = 50_000_000

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


@pytest.fixture
def small_memory():
    """A memory cgroup with 200 MB in which this test is while it starts the keeper; None: not allowed here."""
    for home, limit in memory_groups():
        group = home / f"podkeep-test-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / limit).write_text("200000000")
        except OSError:
            group.rmdir()
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
    watch = busy.Watch()
    bench.run(program("double_forks.py", "deaf"), patience=Patience(leftover_s=0.3))
    assert time.monotonic() - watch.began > 0.3  # asked first
    assert not watch.was_too_long(3.0)
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


@pytest.mark.slow
def test_cancel_kills_what_ignores_it(bench):
    """A job that ignores TERM is killed when the grace is over."""
    attempt = bench.start(program("ignores_sigterm.py"), patience=Patience(grace_s=3.0))
    until(lambda: bench.said(b"ready"))
    attempt.cancel()
    ended = end_of(attempt)
    assert (ended.cancelled, ended.signal, ended.reason) == (True, "KILL", "signalled")
    assert b"TERM? No." in bench.output()


def test_hurry_reaches_the_training_within_50_ms(bench):
    """When the pod is going, POD_SIGNAL is in the training less than 50 ms after the keeper was told."""
    took = [SOON_NS]
    for number in range(1, 21):  # the best of three, or of more where another program has the processor
        watch = busy.Watch()
        attempt = bench.start(program("saves_when_asked.py", 0, "SIGTERM"), number=number)
        until(lambda: bench.log.read_bytes().count(b"ready") == number)  # noqa: B023 - called at once
        told = time.monotonic_ns()
        attempt.hurry()
        ended = end_of(attempt)
        assert (ended.exit_code, ended.cancelled) == (0, False)
        took.append(int(re.findall(rb"SIGTERM (\d+)", bench.output())[-1]) - told)
        if min(took) < SOON_NS or (number >= 3 and watch.was_calm()):
            break
    assert min(took) < SOON_NS


def test_hurry_reaches_a_job_that_writes_without_pause(bench):
    """A job that writes as fast as it can is ended as promptly as a silent one."""
    attempt = bench.start(program("endless_line.py"), patience=Patience(hurry_s=10.0))
    until(lambda: bench.log.stat().st_size > 50_000_000)
    watch = busy.Watch()
    attempt.hurry()
    assert end_of(attempt).signal == "TERM"  # KILL comes ten seconds later
    assert not watch.was_too_long(2.0)


def test_hurry_after_cancel_shortens_the_patience(bench):
    """A pod that goes while a job is being cancelled waits no longer than the hurry allows."""
    attempt = bench.start(program("ignores_sigterm.py"), patience=Patience(grace_s=60.0, hurry_s=0.2))
    until(lambda: bench.said(b"ready"))
    attempt.cancel()
    until(lambda: bench.said(b"TERM? No."))
    attempt.hurry()
    ended = end_of(attempt, seconds=50)  # less than the grace
    assert (ended.cancelled, ended.signal) == (True, "KILL")


def test_keeper_killed_while_ending_leftovers_keeps_the_exit_code(bench):
    """The exit is written down at once: a keeper that dies while it ends the leftovers loses no exit code."""
    command = program("double_forks.py", "deaf") + "; exit 4"
    attempt = bench.start(command, patience=Patience(leftover_s=60.0))
    until(lambda: exit_record.read_record(str(attempt.folder)).state == "exited")
    kill_keeper(attempt)
    keeper_start.write_orders(
        bench.plan(command, patience=Patience(leftover_s=0.5))
    )  # the next one reads them
    ended = end_of(attempt)
    assert (ended.exit_code, ended.reason) == (4, "exited")
    assert keeper_tree.look_at(daemon_of(bench)) is None
    assert bench.log.read_bytes().endswith(b"EXIT_CODE=4\n")
