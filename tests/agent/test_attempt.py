"""The agent's side of attempts: agents and keepers die in every order, and the training goes on or is accounted for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pod_agent.run import exit_record, keeper_start, keeper_tree
from pod_agent.run.attempt import KeptAttempts, Patience, RunningAttempt
from pod_wire.errors import BadInput
from tests.agent.bench import HEADER, end_of, kill_keeper, program, until
from tests.fakes.clock import FakeClock

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def stranger():
    """A process that has nothing to do with any attempt."""
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def test_a_started_attempt_is_known_by_pid_and_start_time(bench):
    """When start returns, the training's pid and kernel start time are known and true."""
    attempt = bench.start("sleep 60")
    assert keeper_tree.is_alive(attempt.pid, attempt.start_time)
    assert attempt.ended is None
    attempt.cancel()
    ended = end_of(attempt)
    assert (ended.cancelled, ended.signal) == (True, "TERM")
    assert ended.ended_at == pytest.approx(time.time(), abs=5)


def test_starting_twice_starts_once(bench):
    """A second start of the same attempt finds the first."""
    first = bench.start("echo $$; sleep 60")
    second = bench.start("echo $$; sleep 60")
    assert (second.pid, second.keeper_pid) == (first.pid, first.keeper_pid)
    until(lambda: bench.said(b"%d\n" % first.pid))
    second.hurry()
    assert end_of(second).signal == "TERM"
    assert end_of(first).signal == "TERM"
    assert bench.output() == b"%d\n" % first.pid


def test_a_new_object_finds_the_running_attempt(bench):
    """The object that started it is gone; find attaches to the same training, and gets its exit code."""
    attempt = bench.start("read -t 0.3 < <(sleep 5); exit 7")
    pid = attempt.pid
    attempt.close()
    again = RunningAttempt.find(bench.plan("").folder)
    assert again.pid == pid
    assert end_of(again).exit_code == 7


def test_an_agent_killed_beside_it_changes_nothing(bench):
    """The agent process is killed by SIGKILL; the keeper is not its victim, and another process gets the exit code."""
    code = (
        "import os, sys; from pathlib import Path; from tests.agent.bench import Bench;"
        "bench = Bench(Path(sys.argv[1])); bench.start('echo begun; sleep 0.4; echo done; exit 5');"
        "os.kill(os.getpid(), 9)"
    )
    folder = bench.folder / "other"
    folder.mkdir()
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "agent", ROOT / "client")))
    agent = subprocess.run(
        [sys.executable, "-c", code, folder], env=os.environ | {"PYTHONPATH": paths}, check=False
    )
    assert agent.returncode == -signal.SIGKILL
    found = RunningAttempt.find(folder / "run" / "job" / "r1-1")
    assert end_of(found).exit_code == 5
    assert (folder / "log").read_bytes() == HEADER + b"begun\ndone\nEXIT_CODE=5\n"


def test_a_keeper_that_dies_is_replaced_and_the_exit_is_unknown(bench):
    """The keeper is killed: the training goes on under a new one, its output is whole, its exit unknown, never 0."""
    attempt = bench.start("echo one; sleep 0.4; echo two; exit 0")
    until(lambda: bench.said(b"one"))
    kill_keeper(attempt)
    ended = end_of(attempt)
    assert (ended.exit_code, ended.signal, ended.reason) == (None, None, "unknown")
    assert bench.output() == b"one\ntwo\n"


def test_agent_and_keeper_both_die_while_the_job_runs(bench):
    """A new agent without a keeper adopts the training: it can be cancelled, and its tree is ended."""
    first = bench.start(
        program("double_forks.py") + "; sleep 60", patience=Patience(grace_s=5.0, leftover_s=1.0)
    )
    until(lambda: bench.said(b"the command is done"))
    first.close()
    kill_keeper(first)
    second = RunningAttempt.find(first.folder)
    assert second.keeper_pid != first.keeper_pid
    assert keeper_tree.is_alive(second.pid, second.start_time)
    second.cancel()
    ended = end_of(second)
    assert (ended.reason, ended.cancelled) == ("unknown", True)
    daemon = int(bench.output().split()[1])
    assert keeper_tree.look_at(daemon) is None


def test_agent_and_keeper_die_and_the_job_ends_alone(bench):
    """Nobody saw the end: it is unknown, and what waited in the pipe with a survivor is still in the log."""
    first = bench.start("echo one; sleep 0.1; echo two")
    until(lambda: bench.said(b"one"))
    pid, start = first.pid, first.start_time
    kill_keeper(first)
    until(lambda: not keeper_tree.is_alive(pid, start))
    second = RunningAttempt.find(first.folder)
    ended = end_of(second)
    assert (ended.exit_code, ended.reason) == (None, "unknown")
    assert bench.log.read_bytes() == HEADER + b"one\ntwo\nEXIT_CODE=unknown\n"
    first.close()


def test_a_daemon_of_an_adopted_attempt_is_found_by_its_environment(bench):
    """The command is gone and nobody is its ancestor: the daemon it left is found by its marker and ended."""
    first = bench.start(program("double_forks.py") + " & sleep 60")
    daemon = int(
        until(lambda: bench.said(b"daemon ") and bench.log.read_bytes().split(b"daemon ")[1].split())[0]
    )
    kill_keeper(first)
    assert keeper_tree.send(first.pid, first.start_time, signal.SIGKILL)
    ended = end_of(first)
    assert ended.reason == "unknown"
    assert keeper_tree.look_at(daemon) is None


def test_a_cancel_reaches_the_next_keeper(bench):
    """A cancel that the dead keeper never heard is told to the one that adopts."""
    attempt = bench.start("sleep 60")
    kill_keeper(attempt)
    attempt.cancel()
    ended = end_of(attempt)
    assert (ended.cancelled, ended.reason) == (True, "unknown")


def test_a_cancel_survives_agent_and_keeper(bench):
    """Both die during the grace of a cancel: the next keeper goes on with it, and does not ask twice."""
    attempt = bench.start(program("ignores_sigterm.py"), patience=Patience(grace_s=0.5))
    until(lambda: bench.said(b"ready"))
    attempt.cancel()
    until(lambda: bench.said(b"No."))
    until(lambda: exit_record.read_record(str(attempt.folder)).ending == "cancel")
    kill_keeper(attempt)
    attempt.close()
    ended = end_of(RunningAttempt.find(attempt.folder))
    assert ended.cancelled
    assert bench.output().count(b"No.") == 1


def test_a_strangers_pid_is_never_signalled(bench, stranger):
    """A record whose pid now belongs to another process: neither adoption nor cancel nor hurry touches that one."""
    attempt = bench.start("sleep 60")
    kill_keeper(attempt)
    assert keeper_tree.send(attempt.pid, attempt.start_time, signal.SIGKILL)
    record = exit_record.read_record(str(attempt.folder))
    record.pid, record.start = stranger.pid, keeper_tree.start_time(stranger.pid) - 1
    exit_record.RecordFile(str(attempt.folder), record)
    attempt.cancel()
    attempt.hurry()
    ended = end_of(attempt)
    assert ended.reason == "unknown"
    assert stranger.poll() is None


def test_a_claim_with_a_strangers_pid_is_a_dead_keeper(bench, stranger):
    """A claim whose pid was used again is not believed: a new keeper adopts, the stranger lives."""
    attempt = bench.start("sleep 0.4")
    kill_keeper(attempt)
    exit_record.take_claim(str(attempt.folder), 2, stranger.pid, keeper_tree.start_time(stranger.pid) - 1)
    again = RunningAttempt.find(attempt.folder)
    assert again.keeper_pid not in (0, stranger.pid)
    again.hurry()
    assert end_of(again).reason == "unknown"
    assert stranger.poll() is None


def test_an_ended_attempt_is_found_with_its_end(bench):
    """After the end, find gives an attempt whose wait tells the end at once, as often as one asks."""
    first = bench.run("exit 9")
    for _ in range(2):
        found = RunningAttempt.find(bench.plan("").folder)
        assert found.keeper_pid == 0
        assert found.ended == first == end_of(found)


def test_nothing_is_found_where_nothing_began(bench):
    """Without a folder, or without a claim in it, there is no attempt."""
    plan = bench.plan("echo hello")
    assert RunningAttempt.find(plan.folder) is None
    plan.folder.mkdir(parents=True)
    assert RunningAttempt.find(plan.folder) is None


def test_a_late_keeper_of_a_dead_agent_starts_nothing(bench):
    """Once find has said that nothing began, the keeper of the agent that died starts nothing; a new start does."""
    plan = bench.plan("touch ran-$$")
    plan.folder.mkdir(parents=True)
    keeper_start.write_orders(plan)
    assert RunningAttempt.find(plan.folder) is None
    keeper_start.spawn_keeper(plan.folder, 1, "start", keeper_start.errand(plan))
    assert list(bench.cwd.iterdir()) == []
    assert end_of(KeptAttempts().start(plan)).exit_code == 0
    assert len(list(bench.cwd.iterdir())) == 1


def test_a_keeper_that_died_before_the_job_leaves_an_unknown_end(bench):
    """Claimed, but no record: nothing ran, nothing is guessed."""
    plan = bench.plan("touch ran")
    plan.folder.mkdir(parents=True)
    keeper_start.write_orders(plan)
    exit_record.take_claim(str(plan.folder), 1, 2**22 + 1, 7)
    ended = end_of(RunningAttempt.find(plan.folder))
    assert (ended.exit_code, ended.reason, ended.output_bytes) == (None, "unknown", 0)
    assert not (bench.cwd / "ran").exists()


def test_a_run_folder_that_vanishes_is_an_unknown_end(bench):
    """Somebody empties the run folder under a dead keeper: wait still ends, and says so."""
    attempt = bench.start("exec sleep 60")
    pid, start = attempt.pid, attempt.start_time
    kill_keeper(attempt)
    keeper_tree.send(pid, start, signal.SIGKILL)
    for path in attempt.folder.iterdir():
        path.unlink() if not path.name.startswith("claim") else None
    ended = end_of(attempt)
    assert (ended.reason, ended.detail) == ("unknown", "the attempt's folder is gone")


def test_a_signal_that_does_not_exist_is_refused(bench):
    """A POD_SIGNAL without a meaning is a mistake before anything starts."""
    with pytest.raises(BadInput, match="NOPE"):
        bench.start("true", signal="NOPE")


def test_long_commands_and_environments_arrive(bench):
    """A command of 64 KiB and an environment of many variables reach the job as they are."""
    env = {"PATH": os.environ["PATH"]} | {f"VALUE_{number}": "v" * 1000 for number in range(300)}
    ended = bench.run(f"env | grep -c ^VALUE_; : {'x' * 65000}", env=env)
    assert ended.exit_code == 0
    assert bench.output() == b"300\n"


def test_an_attempt_that_no_keeper_can_keep_ends_unknown(tmp_path):
    """Its training is dead and every keeper dies at once, as on a full disk: the end is told, after a minute."""
    folder = tmp_path / "run-1"
    folder.mkdir()
    (folder / "plan").write_bytes(b"not a plan")
    (folder / "claim.1").write_bytes(b"999999999 1\n")
    clock, ends = FakeClock(), []
    RunningAttempt(folder, clock).wait(ends.append)
    assert [(one.reason, one.exit_code) for one in ends] == [("unknown", None)]
    assert "no keeper lived" in ends[0].detail
    assert 60 <= sum(clock.sleeps) < 70
