"""The entrypoint when no agent can be kept alive: when it turns to the last resort, and by which programs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.agent.entry_box import WAITS, keeper
from tests.agent.last_shell import KEY, Shell, pod
from tests.live import PATIENCE_S

UNTIL_KEPT = "until [ -s run/keeper.pid ]; do sleep 0.02; done"


def uptime():
    return int(float(Path("/proc/uptime").read_text().split()[0]))


def died_before(tmp_path, times, since=None, last=None):
    """What an earlier entrypoint of this container left on its disk."""
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / "deaths").write_text(f"{times} {since or uptime()} {last or uptime()}\n")
    return disk / "deaths"


def said(box):
    return (box.folder / "out").read_text()


def test_the_sixth_death_stops_the_pod(container, server, tmp_path):
    """The count lies on the container's disk; the pod is asked to stop, and the agent is tried on."""
    deaths = died_before(tmp_path, 5)
    box = container("cat disk/deaths >> found; exit 7", **pod(server))
    box.until(lambda: server.stops)
    box.until(lambda: len([call for call in box.calls if "-m pod_agent" in call]) >= 2)
    assert server.stops[0][1:3] == ("/v2/pods/pod-a/action", "podkeep/0.1 (last resort)")
    box.until(lambda: int((deaths.read_text().split() or ["0"])[0]) >= 6)  # it may just be written anew
    assert "the agent died 6 times, last with code 7" in said(box)
    found = [line.split()[0] for line in (tmp_path / "found").read_text().splitlines()]
    assert found[:2] == ["5", "6"]
    assert box.process.poll() is None


def test_two_deaths_are_no_crash_loop(container, server):
    """An agent that dies twice and then works is not stopped."""
    box = container("n=$(grep -c start calls); [ $n -gt 2 ] || exit 7; " + WAITS, **pod(server))
    box.until(lambda: "up" in box.calls)
    assert (box.folder / "disk" / "deaths").read_text().split()[0] == "2"
    assert server.asked == []
    assert "LAST RESORT" not in said(box)


def test_ten_bad_minutes_are_one_too(container, server, tmp_path):
    """Agents that live for some seconds each, and none for a minute: after ten minutes the pod is stopped."""
    died_before(tmp_path, 1, since=1)
    box = container("exit 7", **pod(server))
    box.until(lambda: server.stops)


def test_deaths_of_long_ago_are_another_story(container, server, tmp_path):
    """A container that trained for hours and was started anew forgets them: its first death is the first."""
    died_before(tmp_path, 5, since=1, last=2)
    box = container("exit 7", **pod(server))
    box.until(lambda: len(box.calls) >= 2)
    assert server.asked == []
    assert "starting it again" in said(box)


@pytest.mark.slow
def test_deaths_are_counted_without_a_disk_too(container, server, tmp_path):
    """A container's disk that takes nothing: six deaths of one life are a crash loop all the same."""
    (tmp_path / "file").touch()
    box = container("exit 7", **pod(server), PODKEEP_DISK_DIR=str(tmp_path / "file" / "disk"))
    box.until(lambda: server.stops)
    assert "the agent died 6 times" in said(box)


DAMAGE = [
    "",
    "x y z\n",
    "99999999999999999999 1 1\n",
    "08 1 1\n",
    "7\n",
    "6 1\n",
    "6 9 8\n",
    "6 9 99999999\n",
]


@pytest.mark.parametrize("damage", [*DAMAGE, "a[$(id)] 1 1", "6 1 1 1\n"])
def test_a_damaged_count_is_none(container, server, tmp_path, damage):
    """Whatever lies there, the count begins anew, and nothing of it is run."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "deaths").write_text(damage)
    box = container("exit 7", **pod(server))
    box.until(lambda: len(box.calls) >= 2)
    assert server.asked == []


def test_nothing_is_stopped_while_a_keeper_lives(container, server, tmp_path):
    """The training goes on without any agent; once it has ended the pod is stopped."""
    died_before(tmp_path, 8)
    box = container(f"{UNTIL_KEPT}; exit 7", **pod(server))
    process = keeper(box)
    try:
        box.until(lambda: said(box).count("goes on under its keeper") >= 2)
        assert server.stops == []
    finally:
        process.kill()
        process.wait()
    box.until(lambda: server.stops)


def test_a_keeper_past_its_deadline_holds_nothing(container, server, tmp_path):
    """The deadline that the agent had set is kept without it."""
    died_before(tmp_path, 8)
    (tmp_path / "disk" / "deadline.json").write_text(
        '{"at":1000.5,"boot":"b","order":"o","hours":1,"format":1}'
    )
    box = container(f"{UNTIL_KEPT}; exit 7", **pod(server))
    process = keeper(box)
    try:
        box.until(lambda: server.stops)
        assert "the deadline has passed" in said(box)
    finally:
        process.kill()
        process.wait()


def test_term_amid_the_last_resort_ends_at_once(container, server, tmp_path):
    """A request that hangs is not waited for when the pod is going away."""
    server.hang_s = 60.0
    died_before(tmp_path, 8)
    box = container("exit 7", **pod(server))
    box.until(lambda: server.asked)
    box.term()
    assert box.process.wait(PATIENCE_S) == 0


def test_a_container_of_ones_own_ends(container, tmp_path):
    """Without a pod there is nothing to stop: the container leaves, with a code that says failed."""
    died_before(tmp_path, 5)
    box = container("exit 7")
    assert box.process.wait(PATIENCE_S) == 1
    assert "this is no RunPod pod" in said(box)


@pytest.mark.parametrize("program", ["curl", "wget"])
def test_without_any_python_the_shell_stops_the_pod(server, tmp_path, program):
    """curl or wget do: refused by one route, taken by the other; the key is in no argument, and left nowhere."""
    server.answers["graphql"] = 403
    run = Shell(server, tmp_path, program)
    done = run("7", "1", "7")
    assert done.returncode == 0, done.stderr
    assert [path for _, _, path, _, _ in server.asked] == ["/graphql", "/v2/pods/pod-a/action"]
    assert {agent for _, _, _, agent, _ in server.asked} == {"podkeep/0.1 (last resort)"}
    assert "asking for the stop by v2\npodkeep: LAST RESORT: v2 took the request" in done.stderr
    assert KEY not in (tmp_path / "path" / "words").read_text() + done.stderr
    assert list((tmp_path / "tmp").iterdir()) == []


ANSWERS = [({"env": {"POD_COMMAND": "python t.py <in"}}, True), (b"\n <html>a < b</html>", False)]


@pytest.mark.parametrize(("answer", "taken"), ANSWERS)
def test_the_shell_tells_a_pod_from_a_page(server, tmp_path, answer, taken):
    """RunPod answers with the whole pod, its commands included; only a page begins with an angle."""
    server.pod, server.answers["graphql"] = answer, 403
    done = Shell(server, tmp_path, "curl")("6", "1", "7")
    assert ("v2 took the request" in done.stderr) is taken
    assert ("STOP THIS POD BY HAND" in done.stderr) is not taken


def test_runpod_s_own_tool_is_the_last(server, tmp_path):
    """Neither Python nor curl nor wget: runpodctl in both spellings."""
    run = Shell(server, tmp_path, "runpodctl")
    assert run("9", "1", "7").returncode == 0
    assert (tmp_path / "path" / "words").read_text() == "runpodctl stop pod pod-a\n"


def test_with_nothing_at_all_it_is_said(server, tmp_path):
    """Then somebody has to stop the pod by hand, and reads so."""
    done = Shell(server, tmp_path)("6", "1", "7")
    assert "STOP THIS POD BY HAND" in done.stderr


SHELL = [
    ({"POD_ON_FAILURE": "keep"}, None, False),
    ({"POD_ON_FAILURE": "keep", "POD_IDLE_MINUTES": "0"}, 1, False),
    ({"POD_ON_FAILURE": "keep", "POD_IDLE_MINUTES": "0.5"}, 1, False),
    ({"POD_ON_FAILURE": "keep"}, 1, True),
    ({"POD_COMMAND": ""}, None, False),
    ({"POD_COMMAND": ""}, 1, True),
    ({"POD_COMMAND": "", "WORDS": "sleep infinity"}, None, False),
    ({"POD_COMMAND": "", "WORDS": "python t.py"}, None, True),
    ({"POD_MAX_HOURS": "0.00001"}, None, True),
]


@pytest.mark.parametrize(("env", "since", "stops"), SHELL)
def test_the_shell_knows_the_policies_too(server, tmp_path, env, since, stops):
    """Keep and no job have their idle minutes, 0 is off."""
    Shell(server, tmp_path, "curl", **env)("6", str(since or uptime()), "7", *env.get("WORDS", "").split())
    assert bool(server.stops) is stops


@pytest.mark.parametrize("name", ["keeper.pid", "by-hand-7.pid"])
def test_the_shell_keeps_the_deadline(server, tmp_path, name):
    """A keeper that lives holds the pod until then, or a training begun by hand: ours lives, it is this test."""
    run = Shell(server, tmp_path, "curl")
    (tmp_path / "run").mkdir()
    (tmp_path / "disk").mkdir()
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    (tmp_path / "run" / name).write_text(f"{os.getpid()} {fields[19]}\n")
    assert "goes on under its keeper" in run("6", "1", "7").stderr
    (tmp_path / "disk" / "deadline.json").write_text('{"at":99999999999.5,"boot":"b"}')
    assert "goes on under its keeper" in run("6", "1", "7").stderr
    assert server.stops == []
    (tmp_path / "disk" / "deadline.json").write_text('{"at": 1000, "boot": "b"}')
    run("6", "1", "7")
    assert server.stops
