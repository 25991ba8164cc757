"""The last resort: a second key, a stop that an agent had begun, pods that are locked; in Python and in the shell."""

from __future__ import annotations

import json
import os
import time

import pytest

from pod_agent import last_resort as lr
from tests.agent.last_shell import KEY, Shell, pod

SECOND = "a-second-key-of-the-account"
WAITING = {"POD_COMMAND": "", "POD_IDLE_MINUTES": "0"}  # nothing else would stop such a pod


def keep(folder, stopping_boot="b1", **more):
    """An agent of boot b1 was here, and was stopping the pod in some boot."""
    folder.mkdir()
    (folder / "boot.json").write_text('{"boot":{"id":"b1","booted_at":1.0,"hostname":"h"},"accepted":null}')
    told = {
        "boot": stopping_boot,
        "because": 'idle: "no job"',
        "terminate": False,
        "rounds": 3,
        **more,
        "format": 1,
    }
    (folder / "stopping.json").write_text(json.dumps(told))


def climbed(env, folder):
    said = []
    path = {"PATH": str(folder)}
    return lr.climb(lr.ways({**env, **path}, timeout_s=0.5), 0, said.append), said


def test_the_second_key_comes_after_every_route(server, tmp_path):
    """Eight ways with two keys, in the agent's order; one without it; no empty one counts."""
    names = [name for name, _ in lr.ways(pod(server, POD_STOP_KEY=SECOND))]
    assert names[:4] == [name for name, _ in lr.ways(pod(server, POD_STOP_KEY=""))]
    assert names[4:] == [f"{name} with POD_STOP_KEY" for name in names[:4]]


def test_both_keys_are_tried(server, tmp_path):
    """Refused by all: the last words name the second one, and no key is among them."""
    server.answers |= {"v2": 403, "graphql": 403}
    taken, said = climbed(pod(server, POD_STOP_KEY=SECOND), tmp_path)
    assert not taken
    assert [path for _, path, _, _ in server.stops] == ["/v2/pods/pod-a/action", "/graphql"] * 2
    assert "runpodctl stop pod with POD_STOP_KEY" in said[-1]
    assert not any(key in line for key in (KEY, SECOND) for line in said)


def test_the_shell_tries_both_too(server, tmp_path):
    """The same order with curl; each round begins one further on."""
    server.answers |= {"v2": 403, "graphql": 403}
    run = Shell(server, tmp_path, "curl", "runpodctl", POD_STOP_KEY=SECOND)
    run("6", "1", "7")
    asked = [path for _, _, path, _, _ in server.asked]
    assert asked[:2] == ["/v2/pods/pod-a/action", "/graphql"]
    done = run("11", "1", "7")
    assert "asking for the stop by graphql with POD_STOP_KEY" in done.stderr
    words = (tmp_path / "path" / "words").read_text()
    assert SECOND not in words + done.stderr
    assert KEY not in words + done.stderr


@pytest.mark.parametrize(("boot", "stops"), [("b1", True), ("b0", False)])
def test_a_stop_that_was_begun_goes_on(server, tmp_path, boot, stops):
    """In its own boot the pod is stopped though idleness is off; one of an earlier boot says nothing."""
    keep(tmp_path / "disk", boot)
    places = {"PODKEEP_DISK_DIR": str(tmp_path / "disk"), "PODKEEP_RUN_DIR": str(tmp_path / "run")}
    facts = lr.gather({**pod(server), **WAITING, **places}, (), lr.uptime(), 1000.0)
    assert lr.decide(facts).stop is stops
    done = Shell(server, tmp_path, "curl", **WAITING)("6", "1", "7")
    assert bool(server.stops) is stops
    assert ("an agent was stopping it" in done.stderr) is stops


@pytest.mark.parametrize(("boot", "stops"), [("b1", True), ("b0", False)])
def test_a_training_that_could_not_be_killed_does_not_hold_it(server, tmp_path, boot, stops):
    """The agent was stopping the pod all the same, and nothing leads back from there."""
    keep(tmp_path / "disk", boot)
    run = Shell(server, tmp_path, "curl", **WAITING)
    (tmp_path / "run").mkdir()
    fields = lr.stat(os.getpid())
    (tmp_path / "run" / "keeper.pid").write_text(f"{os.getpid()} {fields[19]}\n")
    places = {"PODKEEP_DISK_DIR": str(tmp_path / "disk"), "PODKEEP_RUN_DIR": str(tmp_path / "run")}
    facts = lr.gather({**pod(server), **places}, (), lr.uptime(), 1000.0)
    assert facts.training_lives
    assert lr.decide(facts).stop is stops
    assert not lr.decide(facts._replace(pod=None)).stop
    said = run("6", "1", "7").stderr
    assert bool(server.stops) is stops
    assert ("goes on under its keeper" in said) is not stops


KERNEL = lr.KERNEL.read_text().strip()
MARKS = {  # the moment of the mark: seconds after the keeper began, by each clock, and whose clock that is
    "before it began": (-60, -60, KERNEL, False),
    "before it began, on another machine": (-60, 60, "k0", False),
    "before it began, and the clock was set since": (3600, -60, KERNEL, False),
    "after it began": (60, 60, KERNEL, True),
    "after it began, on another machine": (60, -60, "k0", True),
    "after it began, and the clock was set since": (-3600, 60, KERNEL, True),
}


@pytest.mark.parametrize("case", MARKS)
def test_a_stop_of_before_the_training_is_no_stop_of_it(server, tmp_path, case):
    """A keeper that began after the mark was written: some agent went on with a job, and only its end stops the pod."""
    wall_s, mono_s, kernel, stops = MARKS[case]
    fields = lr.stat(os.getpid())
    began = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    at = lr.began(os.getpid(), time.time()) + wall_s
    keep(tmp_path / "disk", at=at, mono=began + mono_s, kernel=kernel)
    run = Shell(server, tmp_path, "curl", **WAITING)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "keeper.pid").write_text(f"{os.getpid()} {fields[19]}\n")
    places = {"PODKEEP_DISK_DIR": str(tmp_path / "disk"), "PODKEEP_RUN_DIR": str(tmp_path / "run")}
    facts = lr.gather({**pod(server), **places}, (), lr.uptime(), time.time())
    assert facts.training_lives
    assert lr.decide(facts).stop is stops
    said = run("6", "1", "7").stderr
    assert bool(server.stops) is stops
    assert ("goes on under its keeper" in said) is not stops


@pytest.mark.parametrize(
    ("detail", "taken"),
    [("pod is locked", False), ("member of a Cluster", False), ("cannot stop a pod that is EXITED", True)],
)
def test_a_conflict_is_no_success_where_something_is_in_the_way(server, tmp_path, detail, taken):
    """409 of a locked pod leads to the next route, and is said."""
    server.answers |= {"v2": 409, "graphql": 403}
    server.say = lambda *_: (409, {"title": "no", "detail": detail})
    found, said = climbed(pod(server), tmp_path)
    assert found is taken
    assert taken or detail in said[1]
