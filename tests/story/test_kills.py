"""Agents that are killed at random moments through a whole life, and containers that crash in a loop.

No attempt begins twice, none is lost with its agent, what is finished is not run again, and in the end the pod is off.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
import zipfile
from dataclasses import dataclass, field, replace

import pytest

from tests.fakes.git_server import GitHost
from tests.live import wait_for
from tests.story.seen import JOB, Seen, dice, nap, note, order
from tests.story.templates import CHECKOUT, LEFT, TemplatePod

pytestmark = pytest.mark.slow
CALM_S = 6.0  # an agent that lived so long is started again at once
KILLS = 20
WHEEL = "steadfast-1.0-py3-none-any.whl"
INSTALLED, ENDED = "installed", "ended"  # files in the workspace: until they are there the phase lasts
SETUP = f"until [ -e /workspace/{INSTALLED} ]; do sleep 0.05; done"
JOB_FILE = f"""\
import os, signal, sys, time
import steadfast

def end(*_):
    os.write(1, b"asked to end\\n")
    while not os.path.exists("/workspace/{ENDED}"):
        time.sleep(0.05)
    sys.exit(0)

signal.signal(signal.SIGTERM, end)
for second in range(10_000):
    print(f"second {{second}}", flush=True)
    time.sleep(1)
"""


@dataclass
class HeldHost(GitHost):
    """It answers nobody until it is let."""

    answers: threading.Event = field(default_factory=threading.Event)

    def fault_at(self, path: str, is_stranger: bool = False) -> int | str | None:
        while not self.answers.wait(0.05) and not self.over.is_set():
            pass
        return GitHost.fault_at(self, path, is_stranger)


@pytest.fixture
def slow_to_begin(laptop, tmp_path):
    """A repository with a wheel of its own, at a host that waits for the test as installing and ending do."""
    with zipfile.ZipFile(laptop.repo / WHEEL, "w") as wheel:
        wheel.writestr("steadfast.py", "")
        info = "steadfast-1.0.dist-info"
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: steadfast\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    (laptop.repo / "requirements.txt").write_text(f"./{WHEEL}\n")
    (laptop.repo / "job.py").write_text(JOB_FILE)
    for words in (["add", "."], ["commit", "-q", "-m", "Much"]):
        subprocess.run(["git", *words], cwd=laptop.repo, env=laptop.env, check=True)
    shutil.copytree(laptop.repo, tmp_path / "hosted" / "repo")
    with HeldHost.running(tmp_path / "hosted") as host:
        yield laptop, host


@dataclass(slots=True)
class Killer:
    """Kills the pod's agent, and knows in which phase."""

    pod: Seen
    rng: object
    phases: list[str] = field(default_factory=list)
    last: int = 0

    def kill(self, least, most):
        """Let the living agent live for so long, then kill it."""
        agent = self.pod.new_agent(self.last)
        nap(self.rng, least, most)
        stopping = any(entry["kind"] == "stop_requested" for entry in self.pod.journal())
        phase = "stopping" if stopping else self.pod.record()["phase"]
        self.pod.simulator.kill(self.pod.id, agent)
        self.last = agent
        self.phases.append(phase)

    def kill_in(self, phase, times, most):
        """Kill it so many times while the job is in this phase."""
        for _ in range(times):
            self.pod.new_agent(self.last)
            wait_for(phase, lambda: self.pod.record()["phase"] == phase, every_s=0.01)
            self.kill(0, most)


def test_agents_are_killed_through_a_whole_life(slow_to_begin):
    """Twenty agents die amid syncing, installing, running, draining, finished, stopping; no attempt begins twice."""
    (laptop, host), rng = slow_to_begin, dice("the agents' deaths")
    where = replace(laptop, source=host.url("repo/.git"))
    story = order(where, "exec python job.py", "--max-restarts", "3", "--resume", "", "--setup", SETUP)
    killer = Killer(pod := Seen.only(story), rng)
    workspace = pod.disks / "mount"
    killer.kill_in("syncing", 2, 0.6)
    host.answers.set()
    killer.kill_in("installing", 2, 1.5)
    (workspace / INSTALLED).touch()
    pod.begins(1)
    for life in (0, 1, CALM_S, 0, 0, CALM_S):
        killer.kill(life, life + 1.5)
    assert pod.begun() == [1]
    pid = pod.record()["attempts"][-1]["pid"]
    pod.simulator.kill(pod.id, pid)  # while no agent lives to see it
    pod.begins(2)
    killer.kill(CALM_S, CALM_S + 0.5)
    pod.new_agent(killer.last)
    wait_for("cancelled", lambda: laptop.client("cancel", JOB).returncode == 0)
    killer.kill_in("draining", 3, 1.0)
    (workspace / ENDED).touch()
    story.ends()
    wait_for("finished", lambda: pod.record()["phase"] == "finished")
    killer.kill(CALM_S, CALM_S + 0.5)
    killer.kill_in("finished", 1, 1.0)
    assert pod.record()["ending"]["outcome"] == "cancelled"
    assert pod.begun() == [1, 2]
    again = order(where, "echo well")
    pod.faults(refuse_stop=True, graphql="refuse")
    assert again.ends() == 0, again.evidence()
    wait_for("stopping", lambda: pod.journal()[-1]["kind"].startswith("stop_"))
    killer.kill(CALM_S, CALM_S + 0.5)
    killer.kill_in("finished", KILLS - len(killer.phases), 1.5)
    note(f"killed in {killer.phases}")
    pod.faults(refuse_stop=False, graphql="ok")
    pod.stopped()
    assert len(killer.phases) == KILLS
    assert {"syncing", "installing", "running", "draining", "finished", "stopping"} <= set(killer.phases)
    assert pod.begun() == [1, 2, 3]
    assert pod.record()["ending"]["outcome"] == "succeeded"
    assert [attempt["number"] for attempt in pod.record()["attempts"]] == [1, 2, 3]


STARTS_BADLY = """\
n=$(cat /workspace/starts 2>/dev/null || echo 0); echo $((n + 1)) >/workspace/starts
[ "$n" -lt {times} ] || exec bash {entrypoint}
bash {entrypoint} & sleep $(sed -n "$((n + 1))p" {naps}); exit 1
"""


def test_a_start_command_that_crashes_in_a_loop(simulator, tmp_path):
    """PID 1 ends after random moments, eight times: attempts count on, none begins twice, and the job ends well."""
    rng, times = dice("the crash loop"), 8
    naps = tmp_path / "naps"
    naps.write_text("".join(f"{rng.choice((0.05, rng.uniform(0.2, 2.5))):.2f}\n" for _ in range(times)))
    script = STARTS_BADLY.format(times=times, entrypoint=CHECKOUT / "entrypoint.sh", naps=naps)
    last = f'until [ "$(cat /workspace/starts)" -gt {times} ] 2>/dev/null; do sleep 0.1; done'
    env = {"POD_COMMAND": f"echo on; {last}; echo well", "POD_RESUME": "", "POD_MAX_RESTARTS": "20"}
    made = TemplatePod.create(simulator, env, ("/bin/bash", "-c", script))
    pod = Seen(simulator, made.id, "tried")
    try:
        made.switches_itself_off(watched=False)
    finally:
        note(f"naps {naps.read_text().split()}, attempts {pod.begun()}")
    assert (made.mount / "starts").read_text().strip() == str(times + 1)
    begun = pod.begun()  # one that was lost before its keeper could write has a number, and no line
    assert begun == sorted(set(begun))
    assert [attempt["number"] for attempt in pod.record()["attempts"]] == list(range(1, begun[-1] + 1))
    assert pod.record()["ending"]["outcome"] == "succeeded"
    assert pod.log().count(b"\nwell\n") == 1


@pytest.mark.parametrize(("runpod", "layer", "started_at"), LEFT, indirect=["runpod"])
def test_a_finished_job_survives_crashes(runpod, layer, started_at):
    """Whatever a crash leaves of the disk and of startedAt: an unfinished job goes on once, a finished one rests."""
    command = "echo on; until [ -e /workspace/on ]; do sleep 0.1; done; echo well"
    env = {"POD_COMMAND": command, "POD_RESUME": "", "POD_ON_FINISH": "keep"}
    made = TemplatePod.create(runpod, env)
    pod = Seen(runpod, made.id, "tried")
    pod.begins(1)
    pod.crash(layer, started_at)
    pod.begins(2)
    (made.mount / "on").touch()
    wait_for("finished", lambda: pod.record()["phase"] == "finished")
    for _ in range(3):
        known = len(pod.journal())
        pod.crash(layer, started_at)
        pod.finished_again(known)
    assert pod.begun() == [1, 2]
    assert pod.record()["ending"]["outcome"] == "succeeded"
    pod.act("terminate")


TAKES_THE_PORT = """\
python3 -c '
import os, pathlib, socket, time
held = socket.create_server(("", int(os.environ["POD_PORT"])))
pathlib.Path("/workspace/taken").touch()
time.sleep(9999)' &
until [ -e /workspace/taken ]; do sleep 0.05; done
exec bash {entrypoint}
"""


def test_a_taken_port_does_not_keep_the_pod(simulator):
    """An agent that nobody can ask still runs its job once and switches the pod off."""
    script = TAKES_THE_PORT.format(entrypoint=CHECKOUT / "entrypoint.sh")
    began = time.monotonic()
    made = TemplatePod.create(simulator, {"POD_COMMAND": "sleep 2; echo well"}, ("/bin/bash", "-c", script))
    made.switches_itself_off(watched=False)
    note(f"off after {time.monotonic() - began:.1f} s")
    assert made.left().job["outcome"] == "succeeded"
    assert Seen(simulator, made.id, "tried").begun() == [1]
    assert "http=down" in made.console()
