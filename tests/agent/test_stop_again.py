"""A stop outlives the agent that began it: killed at any rung of the ladder, the next agent climbs on."""

from __future__ import annotations

import json
import threading

import pytest

from pod_agent.pod import moment, stopping
from pod_agent.pod.moment import Moment
from pod_agent.pod.stopping import Stopping
from pod_agent.run import commands as c
from pod_agent.run import events as e
from pod_agent.run import machine
from pod_agent.run.climbing import resume
from pod_agent.run.situation import State
from pod_agent.run.state import Ending, Job
from pod_wire.job import JobSpec
from pod_wire.orders import Verdict
from pod_wire.status import Outcome, Phase
from tests.agent.agent_process import AgentProcess
from tests.fakes.clock import FakeClock
from tests.fakes.stop_server import StopServer
from tests.live import wait_for
from tests.tables import mostly_slow

JOB = Job(JobSpec("digits", "x"), "o", "r", 0.0, "b1", Phase.FINISHED, ending=Ending(Outcome.SUCCEEDED))
WAS = e.WasStopping("idle: no job for 15 minutes")
RUNGS = ("v2", "graphql", "pod stop", "stop pod")


class Slow(StopServer):
    """Refuses every stop, and says nothing at all at one rung until it is let go."""

    def __init__(self, rung):
        self.rung, self.goes_on = rung, threading.Event()
        super().__init__(v2=403, graphql=403)

    def say(self, method, path, body):
        at = "graphql" if path == "/graphql" else "v2"
        if method == "POST" and at == self.rung and "costPerHr" not in body:
            self.goes_on.wait(60)
        return super().say(method, path, body)


@pytest.fixture
def place(tmp_path):
    """A waiting pod whose RunPod stands still at a rung; its agent is ended behind."""
    made = []

    def make(rung):
        server = Slow(rung)
        tool = tmp_path / "bin" / "runpodctl"
        tool.parent.mkdir()
        tool.write_text(
            f'#!/bin/bash\\necho "$@" >>{tmp_path}/told\\n'.replace("\\n", "\n")
            + f'while [ "$1 $2" = "{rung}" ] && [ -e {tmp_path}/bin/hang ]; do sleep 0.05; done; exit 1\n'
        )
        tool.chmod(0o755)
        (tmp_path / "bin" / "hang").touch()
        agent = AgentProcess(
            tmp_path,
            RUNPOD_POD_ID="pod-a",
            RUNPOD_API_KEY="a-key-of-the-pod",
            POD_RUNPOD_URL=f"{server.url}/v2",
            PODKEEP_PRETENDED_GPUS="0",
            PODKEEP_SSH_PORT="1",
            POD_JOB="",
        )
        agent.env["PATH"] = f"{tool.parent}:{agent.env['PATH']}"
        made.append((server, agent))
        return server, agent, tmp_path / "told"

    yield make
    for server, agent in made:
        server.goes_on.set()
        (tmp_path / "bin" / "hang").unlink(missing_ok=True)
        agent.close()
        server.close()


def reached(server, told, rung):
    """How often the ladder has come to this rung."""
    if rung in {"v2", "graphql"}:
        path = "/graphql" if rung == "graphql" else "/v2/pods/pod-a/action"
        return sum(one[1] == path for one in server.stops)
    return told.read_text().count(f"{rung} pod-a") if told.exists() else 0


@pytest.mark.parametrize("rung", mostly_slow(RUNGS, "graphql"))
def test_an_agent_killed_at_a_rung_leaves_the_stop_to_the_next(place, rung):
    """A pod without a job was asked to stop: nothing but the mark on the container's disk tells the next agent."""
    server, agent, told = place(rung)
    agent.start()
    agent.until("it waits", lambda status: status["phase"] == "waiting" and status["boot"])
    agent.post("/stop")
    wait_for("the rung", lambda: reached(server, told, rung))
    kept = json.loads((agent.folder / "disk" / "stopping.json").read_bytes())
    assert (kept["because"], kept["terminate"], kept["rounds"]) == ("asked to stop", False, 1)
    agent.kill()
    before = len(server.stops)
    server.goes_on.set()
    (agent.folder / "bin" / "hang").unlink()
    agent.start()
    status = agent.until("it stops", lambda status: status["phase"] == "stopping")
    assert status["stops_because"] == "asked to stop"
    wait_for("it is asked for again", lambda: len(server.stops) > before)
    agent.until("louder each time", lambda status: status["stop_attempts"] >= 2 and status["stop_error"])


def step(state, event):
    return machine.step(state, event, 10.0)


def test_it_waits_for_the_opening_and_no_longer():
    """First it is found out which job this is; a workspace that hangs holds the stop for seconds only."""
    state, commands = step(State(opening=True, on_pod=True), WAS)
    assert state.phase is Phase.WAITING
    (timer,) = commands
    assert timer.seconds <= 10
    quiet, commands = step(state, e.NothingToDo())
    assert commands[-1] == c.After(0.0, timer.event)
    assert step(quiet, timer.event)[0].phase is Phase.STOPPING
    assert step(state, timer.event)[0].phase is Phase.STOPPING


@pytest.mark.parametrize("terminate", [False, True])
def test_a_finished_job_s_pod_is_stopped_as_it_was_being(terminate):
    """Whatever its policy says: the stop was under way."""
    was = e.WasStopping("asked to stop", terminate=terminate)
    state, _ = step(State(opening=True), was)
    state, commands = step(state, e.Opened(JOB, Verdict.WAIT, same_boot=True))
    (settle,) = (one.event for one in commands if isinstance(one, c.After))
    state, commands = step(state, settle)
    assert commands == (c.StopPod(terminate, "asked to stop"),)


def test_a_job_that_goes_on_is_not_stopped():
    """A mark that contradicts the record of the job is not believed, now or later."""
    state, (timer,) = step(State(opening=True), WAS)
    state, _ = step(state, e.Opened(JOB, Verdict.RUN, same_boot=True))
    assert state.phase is Phase.SYNCING
    assert step(state, timer.event)[0].phase is Phase.SYNCING
    finished = State(phase=Phase.FINISHED, job=JOB)
    assert step(finished, timer.event)[0].phase is Phase.FINISHED


def test_the_mark_is_of_one_boot(tmp_path):
    """A later boot is never stopped by it, and a damaged or missing one stops nothing."""
    clock, posted = FakeClock(), []
    stopping.write(tmp_path / "disk", Stopping("b1", "idle", rounds=3, at=clock.now()))
    resume(tmp_path / "disk", "b2", clock, posted.append)
    (tmp_path / "disk" / "other").mkdir()
    resume(tmp_path / "disk" / "other", "b1", clock, posted.append)
    assert posted == []
    resume(tmp_path / "disk", "b1", clock, posted.append)
    assert posted == [e.WasStopping("idle")]
    for damage in (b"", b"{", b"[]", b'{"boot": "b1"}', b"\xff\xfe", b'{"format": 99, "boot": "b1"}'):
        (tmp_path / "disk" / stopping.FILE).write_bytes(damage)
        assert stopping.read(tmp_path / "disk", "b1", Moment(0.0, 0.0)) is None


@pytest.mark.parametrize("jump", [-3601, -3599, 3599, 3601])
def test_an_old_mark_ends_no_pod(tmp_path, jump):
    """A disk that outlived a stop unseen would end each new boot at once: after an hour it is not believed."""
    stopping.write(tmp_path, Stopping("b1", "idle", at=10_000.0))
    now = Moment(10_000.0 + jump, 5.0, "k1")
    assert (stopping.read(tmp_path, "b1", now) is not None) is (abs(jump) < 3600)


@pytest.mark.parametrize(
    ("kernel", "later_s", "is_old"), [("k1", 60, False), ("k1", 3600, True), ("k2", 60, True)]
)
@pytest.mark.parametrize("jump", [-86_400.0, 86_400.0])
def test_a_wall_clock_that_was_set_makes_no_mark_old(tmp_path, jump, kernel, later_s, is_old):
    """Of this kernel the clock that never jumps counts; of another one there is the wall clock alone."""
    stopping.write(tmp_path, stopping.begun("b1", "idle", Moment(10_000.0, 500.0, "k1"), rounds=2))
    now = Moment(10_000.0 + later_s + jump, 500.0 + later_s, kernel)
    assert (stopping.read(tmp_path, "b1", now) is None) is is_old


def test_an_agent_goes_on_with_a_stop_over_a_clock_that_was_set(tmp_path):
    """It was being stopped a minute ago, whatever the wall clock says of it."""
    clock, posted = FakeClock(), []
    stopping.write(tmp_path, stopping.begun("b1", "idle", moment.take(clock), terminate=True))
    clock.advance(60.0)
    clock.jump(7 * 86_400.0)
    resume(tmp_path, "b1", clock, posted.append)
    assert posted == [e.WasStopping("idle", terminate=True)]


def test_a_full_disk_keeps_no_mark_and_stops_the_pod(tmp_path):
    """What cannot be kept is said in the agent's log; the ladder is climbed all the same."""
    (tmp_path / "disk").write_text("in the way")
    stopping.write(tmp_path / "disk", Stopping("b1", "idle"))
    assert stopping.read(tmp_path / "disk", "b1", Moment(0.0, 0.0)) is None
