"""The entrypoint under a real bash: it restarts the agent, hands TERM on, and does not end by itself."""

from __future__ import annotations

import itertools
import shutil
import signal
import subprocess
import time

import pytest

from tests.agent.entry_box import ENTRYPOINT, WAITS, keeper
from tests.live import PATIENCE_S


def test_the_start_command_reaches_the_agent(container):
    """Its words arrive as they were, behind -I -m pod_agent."""
    box = container('for word; do echo "[$word]" >> calls; done; ' + WAITS)
    box.until(lambda: "up" in box.calls)
    assert [line for line in box.calls if line.startswith("[")] == [
        "[-I]",
        "[-m]",
        "[pod_agent]",
        "[a word]",
        "[two]",
    ]


def test_term_is_handed_on_and_ends_it(container):
    """The agent is told, waited for, not started again, and the container ends well."""
    box = container(WAITS)
    box.until(lambda: "up" in box.calls)
    box.term()
    assert box.process.wait(PATIENCE_S) == 0
    assert box.calls == ["start -I -m pod_agent a word two", "up", "told"]


def test_the_agent_may_take_its_time(container):
    """After the trap the wait goes on: what the agent does in its last seconds is not cut."""
    box = container(
        "trap 'sleep 0.5; echo late >> calls; exit 0' TERM; echo up >> calls; while :; do sleep 0.02; done"
    )
    box.until(lambda: "up" in box.calls)
    box.term()
    assert box.process.wait(PATIENCE_S) == 0
    assert box.calls[-1] == "late"


def test_a_dead_agent_is_started_again(container):
    """Whatever the agent's exit code, zero too, PID 1 stays and starts the next one."""
    box = container("[ -e once ] && { " + WAITS + "; }; touch once; exit 0")
    box.until(lambda: "up" in box.calls)
    assert len([line for line in box.calls if line.startswith("start")]) == 2
    assert box.process.poll() is None


@pytest.mark.slow
def test_a_crash_loop_slows_down_and_never_ends(container):
    """Agents that die at once are started more and more seldom; the container stays."""
    box = container("echo $EPOCHREALTIME >> times; exit 7")
    box.until(lambda: len(box.calls) == 4)
    times = [float(line) for line in (box.folder / "times").read_text().split()]
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert all(pause >= least for pause, least in zip(pauses, (0.25, 0.5, 1.0), strict=False)), pauses
    assert box.process.poll() is None
    assert "code 7" in (box.folder / "out").read_text()


@pytest.mark.slow
def test_term_between_two_agents_ends_it(container):
    """TERM in the pause of a crash loop starts nothing any more."""
    box = container("exit 7")
    box.until(lambda: (box.folder / "out").read_text().count("starting it again") == 5)  # then four seconds
    box.term()
    assert box.process.wait(PATIENCE_S) == 0
    assert len(box.calls) == 5


def test_term_before_the_agent_is_up_ends_it(container):
    """An agent that has no handler yet dies of TERM, and no other one is started."""
    box = container("sleep 30; echo never >> calls")
    box.until(lambda: box.calls)
    box.term()
    assert box.process.wait(PATIENCE_S) == 0
    assert len(box.calls) == 1


def test_term_reaches_the_keeper_while_no_agent_lives(container):
    """Between two agents the training's keeper is told, and the container waits for it."""
    box = container("exit 7")
    process = keeper(box)
    try:
        box.until(lambda: len(box.calls) >= 2)
        time.sleep(0.2)
        box.term()
        process.wait(PATIENCE_S)
        assert "keeper told" in box.calls
        assert box.process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_a_keeper_that_does_not_move_is_not_waited_for(container):
    """One that hangs beside a dead mount holds the container no longer than until RunPod's kill."""
    box = container(WAITS)
    process = keeper(box)
    try:
        box.until(lambda: "up" in box.calls)
        process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        box.term()
        assert box.process.wait(PATIENCE_S) == 0
        assert time.monotonic() - began > 3  # one that only waits for its training is given its time
    finally:
        process.kill()
        process.wait()


def test_a_stranger_with_the_keeper_s_number_is_left_alone(container):
    """A pid that was given to another process since is not signalled: the start time does not fit."""
    box = container("exit 7")
    process = keeper(box, started="12345")
    try:
        box.until(lambda: len(box.calls) >= 2)
        box.term()
        assert box.process.wait(PATIENCE_S) == 0
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_the_exit_policy_ends_the_container(container):
    """An agent that leaves its mark is not started again; its exit code is the container's."""
    box = container('echo 1 > "$PODKEEP_RUN_DIR/leave"; exit 1')
    assert box.process.wait(PATIENCE_S) == 1
    assert len(box.calls) == 1


def test_a_mark_of_an_earlier_life_ends_nothing(container, tmp_path):
    """Where /run outlives the container, an agent that dies before it can take the mark away is started again."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "leave").write_text("0\n")
    box = container("[ -e once ] && { " + WAITS + "; }; touch once; exit 1")
    box.until(lambda: "up" in box.calls)
    assert box.process.poll() is None


def test_the_image_s_folder_is_not_the_agent_s(container, tmp_path):
    """It stands at the root: neither files nor a mount that hangs in the working folder of an image reach it."""
    box = container(WAITS.replace("echo up", "readlink /proc/$PPID/cwd >> calls; echo up"))
    box.until(lambda: "up" in box.calls)
    assert "/" in box.calls


def test_a_shell_s_settings_of_the_image_are_the_job_s(container, tmp_path):
    """BASH_ENV, which bash reads before any script, neither ends nor holds PID 1."""
    (tmp_path / "env").write_text("case $0 in */entrypoint.sh) exit 9 ;; esac\n")
    box = container(
        WAITS.replace("echo up", "echo $BASH_ENV >> calls; echo up"), BASH_ENV=str(tmp_path / "env")
    )
    box.until(lambda: "up" in box.calls)
    assert str(tmp_path / "env") in box.calls


def test_the_script_is_small():
    """Under sixty-five lines."""
    assert len(ENTRYPOINT.read_text().splitlines()) < 65


def test_the_script_is_clean():
    """Nothing for shellcheck to say; `.ci/run` installs it."""
    program = shutil.which("shellcheck")
    if program is None:
        pytest.skip("shellcheck is not here: apt-get install shellcheck")
    done = subprocess.run([program, str(ENTRYPOINT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
