"""Real programs that stop for ever under a real agent: found, told with stacks, gone on with once, then failed."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from tests.agent.agent_process import AgentProcess, is_alive
from tests.fakes import hung_mount, nvml
from tests.live import wait_for

pytestmark = pytest.mark.slow
PROGRAMS = Path(__file__).parents[1] / "programs" / "stalls"
MINUTES = "0.2"  # long enough for a Python to start on a loaded machine
WITHIN_S = 240.0
SPINNING = (
    "gpu 0 85899345920 4294967296 1",
    "v use 0 100",
    "v use_memory 0 3",
    "v milliwatts 0 92000",
    "v most_milliwatts 0 400000",
)
needs_fuse = pytest.mark.skipif(
    not hung_mount.is_possible(), reason="needs root and /dev/fuse for a mount that hangs"
)


@pytest.fixture
def pod(tmp_path):
    """Make a pod's agent; every job of it has a way to resume."""
    made = []

    def make(command, **env):
        known = {"POD_RESUME": "--resume {checkpoint}", "POD_STALL_MINUTES": MINUTES}
        made.append(AgentProcess(tmp_path, POD_COMMAND=command, **{**known, **env}))
        return made[-1]

    yield make
    for one in made:
        one.close()


def program(name, *arguments):
    return shlex.join([sys.executable, str(PROGRAMS / name), *map(str, arguments)])


def over(status):
    return status["phase"] == "finished"


def failed_of_a_second_stall(agent, attempts=2):
    """The end: restarted once, then failed, with the reason, and every attempt told in the log."""
    status = agent.until("the end", over, WITHIN_S)
    job = status["job"]
    assert (job["outcome"], len(job["attempts"])) == ("failed", attempts), job
    assert job["reason"].startswith("stalled: no sign of life for"), job["reason"]
    assert job["reason"].endswith("it had stalled before, and no newer whole checkpoint was saved between")
    assert "docs/stall.md" in job["remedy"]
    assert [one["failure"] for one in job["attempts"]] == ["stalled"] * attempts
    log = agent.log().decode("utf-8", "replace")
    assert log.count("podkeep: what could be seen of it, before this attempt is ended") == attempts, log
    kinds = [
        line for line in (agent.job / "journal.jsonl").read_text().splitlines() if '"kind":"stall"' in line
    ]
    assert len(kinds) == attempts
    return job, log


def test_a_deadlock(pod):
    """Both threads' stacks are in the log; it goes on from its checkpoint, stalls there too, and has failed."""
    agent = pod(program("deadlocks.py")).start()
    job, log = failed_of_a_second_stall(agent)
    assert [one["resumed_step"] for one in job["attempts"]] == [None, 3]
    assert log.count("\nFatal Python error: Aborted") == 2
    assert log.count("in takes_both") == 4, "two attempts, two threads"


def test_a_deadlock_that_a_restart_cures(pod):
    """The second attempt, from the newest checkpoint, comes to its end: succeeded."""
    agent = pod(program("deadlocks.py", "--until", 1)).start()
    status = agent.until("the end", over, WITHIN_S)
    assert status["job"]["outcome"] == "succeeded", status["job"]
    first, second = status["job"]["attempts"]
    assert (first["failure"], second["failure"]) == ("stalled", None)
    assert second["resumed_step"] == 3
    log = agent.log().decode()
    assert log.count('deadlocks.py", line') >= 4, "two threads, each with its frames"
    assert "in takes_both" in log
    assert "starting at step 3\n" in log
    assert not list(agent.workspace.rglob("core*"))


def test_a_process_that_sleeps(pod):
    """No Python, no stacks: what the kernel knows of it is told, and its children are found."""
    agent = pod("echo begun; sleep 1000 & wait", POD_RESUME="").start()
    _, log = failed_of_a_second_stall(agent)
    assert "command: sleep 1000" in log
    assert "asleep" in log
    assert "this pod has none" in log


def test_ranks_that_wait_for_each_other(pod, nvml_library, tmp_path):
    """The GPU says 100 % at 92 of 400 W while the host burns a core in silence: that is no work."""
    driver = nvml.FakeDriver(nvml_library, tmp_path / "driver")
    driver.say(*SPINNING)
    ranks = {"RANK": "0", "WORLD_SIZE": "2", "NCCL_DEBUG": "WARN", "NCCL_SOME_TOKEN": "never-shown"}
    agent = pod(program("spins.py"), RUNPOD_GPU_COUNT="1", **ranks, **driver.environment).start()
    job, log = failed_of_a_second_stall(agent)
    assert "the GPU is busy at little power" in job["reason"]
    assert "GPU 0 NVIDIA Fake, use 100%, 92 of 400 W" in log
    assert "  NCCL_DEBUG=WARN\n" in log
    assert "  WORLD_SIZE=2\n" in log
    assert "never-shown" not in log
    assert 'spins.py", line' in log


@needs_fuse
def test_a_mount_that_does_not_answer(pod, tmp_path):
    """It hangs in the kernel: where it hangs is in the log, and a kill ends it."""
    mount = tmp_path / "mount"
    mount.mkdir()
    with hung_mount.hung(mount):
        agent = pod(program("reads.py", mount / "data.bin")).start()
        job, log = failed_of_a_second_stall(agent)
        pids = [one["pid"] for one in job["attempts"]]
        assert not any(is_alive(pid) for pid in pids)
    assert "hangs in the kernel (pid " in job["reason"]
    assert "hangs in the kernel (a disk or a driver does not answer)" in log
    assert "fuse" in log


@needs_fuse
def test_a_mount_in_which_nothing_can_be_killed(pod, tmp_path):
    """Its server took the request and died: KILL does nothing, the job fails all the same, and the pod ends."""
    mount = tmp_path / "mount"
    mount.mkdir()
    with hung_mount.hung(mount, takes_asks=True):
        agent = pod(program("reads.py", mount / "data.bin"), POD_ON_FAILURE="stop").start()
        wait_for("the container's end", lambda: agent.process.poll() is not None, WITHIN_S)
        ending = agent.state()["ending"]
        assert ending["outcome"] == "failed"
        assert "and it cannot be killed" in ending["reason"]
        assert "--new-pod" in ending["remedy"]
        assert is_alive(agent.state()["attempts"][-1]["pid"]), "or this shows nothing"


def test_a_silent_but_busy_job_is_left_alone(pod, tmp_path):
    """Five times as long as a stall takes it only computes: nobody ends it, and it comes to its own end."""
    done = tmp_path / "done"
    agent = pod(program("spins.py", done)).start()
    first = agent.until("it is looked at", lambda status: status["stall"] is not None)
    agent.until("long after", lambda status: status["now"] - first["now"] > 5 * 12, WITHIN_S)
    assert "CPU" in agent.status()["stall"]["because"]
    done.touch()
    status = agent.until("the end", over, WITHIN_S)
    assert (status["job"]["outcome"], len(status["job"]["attempts"])) == ("succeeded", 1), status["job"]
    assert "stalled" not in agent.log().decode()


def test_a_restart_that_was_spent_stays_spent(pod):
    """The agent is killed after the first stall and in the middle of the second silence: the job fails all the same."""
    agent = pod(program("deadlocks.py")).start()
    agent.until("the second attempt", lambda status: len(status["job"]["attempts"]) == 2, WITHIN_S)
    agent.kill()
    agent.start()
    agent.until(
        "silence", lambda status: status["stall"] is not None and status["stall"]["silent_s"] > 2, WITHIN_S
    )
    told = agent.status()["stall"]
    assert "one more with nothing newer saved ends the job" in told["earlier"]
    agent.kill()
    agent.start()
    failed_of_a_second_stall(agent)


def test_it_is_off(pod):
    """POD_STALL_MINUTES=0: a job may sleep as long as it likes."""
    agent = pod("sleep 20", POD_STALL_MINUTES="0").start()
    status = agent.until("the end", over, WITHIN_S)
    assert status["job"]["outcome"] == "succeeded"
    assert status["stall"] is None
