"""The job's surroundings, what a keeper costs, and who may keep."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from pod_agent.run import exit_record, keeper_start, keeper_tree
from tests.agent.bench import AGENT, end_of, until
from tests.live import wait_for

# The job's surroundings


def test_the_job_finds_its_surroundings(bench):
    """stdin is empty, the session its own, the OOM score high, the umask ours, Python unbuffered, signals as new."""
    script = (
        "cat; ps -o sid= -p $$ | xargs test $$ -eq && echo session; cat /proc/self/oom_score_adj; umask;"
        "echo $PYTHONUNBUFFERED $PYTHONFAULTHANDLER; grep -E 'SigBlk|SigIgn' /proc/self/status | cut -f2"
    )
    old = os.umask(0o027)
    quits = signal.signal(signal.SIGQUIT, signal.SIG_IGN)  # as for what entrypoint.sh starts with &
    try:
        env = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "x"}
        bench.run(script, env=env)
    finally:
        os.umask(old)
        signal.signal(signal.SIGQUIT, quits)
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

    def sleeps():
        before = switches()
        time.sleep(0.5)
        return switches() == before

    wait_for("half a second of sleep", sleeps)
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
    command = [sys.executable, "-I", "-S", "-c", code, AGENT]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=bench.cwd)
    assert answer.stdout == "125\n"
    assert not (bench.cwd / "ran").exists()


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
    root = AGENT
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
