"""The last resort: what it decides from what lies on the container's disk, damaged or not."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from pod_agent import last_resort as lr
from pod_agent.pod import brakes
from pod_agent.pod.brakes import Deadline

HOUR = 3600.0
NOTHING = lr.Facts(
    pod="pod-a",
    training_lives=False,
    deadline=None,
    has_job=True,
    keep=False,
    idle_minutes=15.0,
    idle_s=0.0,
    now=1000.0,
)

DECIDED = {
    "nothing lives": (NOTHING, True),
    "a keeper lives": (NOTHING._replace(training_lives=True), False),
    "a keeper lives, in time": (NOTHING._replace(training_lives=True, deadline=1001.0), False),
    "a keeper lives, too late": (NOTHING._replace(training_lives=True, deadline=1000.0), True),
    "keep": (NOTHING._replace(keep=True), False),
    "keep, too late": (NOTHING._replace(keep=True, deadline=999.0), True),
    "keep, idle for long": (NOTHING._replace(keep=True, idle_s=900.0), True),
    "no job": (NOTHING._replace(has_job=False), False),
    "no job, idle for long": (NOTHING._replace(has_job=False, idle_s=901.0), True),
    "no job, idleness is off": (NOTHING._replace(has_job=False, idle_minutes=0.0, idle_s=1e6), False),
    "no pod": (NOTHING._replace(pod=None), False),
    "no pod, too late": (NOTHING._replace(pod=None, deadline=1.0), False),
}


@pytest.mark.parametrize("case", DECIDED)
def test_what_is_decided(case):
    """The pod is stopped when nothing trains, or too late; keep and no job have their idle minutes."""
    facts, stop = DECIDED[case]
    assert lr.decide(facts).stop is stop


def test_a_container_of_ones_own_ends_when_nothing_trains():
    """Where there is no pod the container leaves, but not while a keeper lives, whatever the deadline."""
    nowhere = NOTHING._replace(pod=None)
    assert lr.decide(nowhere).leave
    assert not lr.decide(nowhere._replace(training_lives=True, deadline=1.0)).leave


@pytest.fixture
def disk(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "run").mkdir()
    return tmp_path / "disk"


def facts(disk, env=None, words=(), now=10_000.0, since=None):
    places = {"PODKEEP_DISK_DIR": str(disk), "PODKEEP_RUN_DIR": str(disk.parent / "run")}
    pod = {"RUNPOD_POD_ID": "pod-a", "RUNPOD_API_KEY": "a-key-of-the-pod"}
    return lr.gather(places | pod | (env or {}), words, lr.uptime() if since is None else since, now)


def keep_boot(disk, spec=None, boot="b1"):
    accepted = {"spec": spec, "order": "o"} if spec else None
    record = {"boot": {"id": boot, "booted_at": 5000.0}, "accepted": accepted, "format": 1}
    (disk / "boot.json").write_text(json.dumps(record))


def test_the_deadline_that_was_set_stands(disk):
    """The moment on the container's disk counts, whatever the hours say now."""
    keep_boot(disk, {"max_hours": 9})
    (disk / "deadline.json").write_text('{"at": 7000.5, "boot": "b1", "order": "o", "hours": 2, "format": 9}')
    assert facts(disk, {"POD_MAX_HOURS": "1"}).deadline == 7000.5


def test_the_earlier_of_hours_and_dollars_counts(disk):
    """Both are in the file that an agent writes, and the first one stands where it is looked for."""
    keep_boot(disk, {"max_hours": 9})
    hours, dollars = Deadline(9000.0, "b1", "o", 2.0), Deadline(8000.5, "b1", "o", dollars=5.0)
    for both in ((hours, dollars), (dollars, hours), (None, dollars)):
        (disk / "deadline.json").write_bytes(brakes.dump(*both))
        assert facts(disk).deadline == 8000.5


def test_a_deadline_of_another_boot_stops_nothing(disk):
    """It is passed over, and the hours asked for count from this boot."""
    keep_boot(disk, {"max_hours": None})
    (disk / "deadline.json").write_text('{"at": 1.0, "boot": "older"}')
    assert facts(disk, {"POD_MAX_HOURS": "2"}).deadline == 5000.0 + 2 * HOUR


@pytest.mark.parametrize(
    "words", [("run", "--max-hours", "3", "--", "python"), ("run", "--max-hours=3", "--", "--max-hours", "9")]
)
def test_the_start_command_s_hours_count(disk, words):
    """The option before the -- is ours, one behind it is the program's."""
    keep_boot(disk)
    assert facts(disk, words=words).deadline == 5000.0 + 3 * HOUR


def test_without_any_record_the_hours_count_from_the_container(disk):
    """An agent that never came up has left nothing: PID 1's start is the boot."""
    now = time.time()
    found = facts(disk, {"POD_MAX_HOURS": "1"}, now=now).deadline
    began = now - lr.uptime() + int(Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19]) / 100
    assert abs(found - began - HOUR) < 5


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[1]", b"null", b'"x"', b"\xff\xfe", b'{"at": true}', b"[" * 200_000, b'{"at": 1e999}'],
)
def test_damaged_records_say_nothing(disk, damage):
    """Whatever lies there is no deadline, no job, and no crash."""
    for name in ("boot.json", "deadline.json", "deaths"):
        (disk / name).write_bytes(damage)
    (disk.parent / "run" / "keeper.pid").write_bytes(damage)
    found = facts(disk)
    assert (found.deadline, found.training_lives, found.has_job, found.keep) == (None, False, False, False)


@pytest.mark.parametrize("hours", ["", "0", "-1", "nan", "inf", "many", "1e400"])
def test_hours_that_are_none_set_no_deadline(disk, hours):
    """A value that the agent would have refused does not stop a pod."""
    keep_boot(disk)
    assert facts(disk, {"POD_MAX_HOURS": hours}).deadline is None


POLICIES = [
    ({"POD_ON_FAILURE": "keep"}, (), None, True),
    ({"POD_ON_FINISH": "keep"}, (), None, True),
    ({}, ("run", "--on-failure", "keep", "--", "x"), None, True),
    ({}, ("run", "--on-failure=keep", "--", "x"), None, True),
    ({}, ("run", "--", "x", "--on-failure", "keep"), None, False),
    ({"POD_ON_FAILURE": "stop"}, (), {"on_failure": "keep", "on_finish": "stop"}, True),
    ({"POD_ON_FAILURE": "keep"}, (), {"on_failure": "stop", "on_finish": "stop"}, False),
    ({}, (), None, False),
]


@pytest.mark.parametrize(("env", "words", "spec", "keep"), POLICIES)
def test_keep_is_heard_wherever_it_was_said(disk, env, words, spec, keep):
    """The order that stands wins, then the start command, then the environment."""
    keep_boot(disk, spec)
    assert facts(disk, env, words).keep is keep


@pytest.mark.parametrize(
    "words", [("run", "--idle-minutes", "0", "--", "x"), ("run", "--idle-minutes=0", "--", "x")]
)
def test_the_start_command_s_idle_minutes_count(disk, words):
    """Above the environment's, below the order that stands."""
    assert facts(disk, {"POD_IDLE_MINUTES": "7"}, words).idle_minutes == 0
    keep_boot(disk, {"idle_minutes": 3})
    assert facts(disk, {"POD_IDLE_MINUTES": "7"}, words).idle_minutes == 3


JOBS = [
    ({}, (), False),
    ({}, ("sleep", "infinity"), False),
    ({}, ("bash", "-c", "apt-get update; sleep infinity"), False),
    ({}, ("/start.sh",), False),
    ({}, ("bash -c 'sleep infinity';",), False),
    ({}, ("bash", "-c", "trap : TERM; sleep infinity & wait"), False),
    ({"POD_COMMAND": "python train.py"}, ("sleep", "infinity"), True),
    ({"POD_REPO": "https://example.org/x"}, (), True),
    ({}, ("python", "train.py"), True),
]


@pytest.mark.parametrize(("env", "words", "has_job"), JOBS)
def test_a_job_is_known_without_the_agent(disk, env, words, has_job):
    """By the environment, the start command, or the order that stands."""
    assert facts(disk, env, words).has_job is has_job
    keep_boot(disk, {"name": "posted"})
    assert facts(disk, env, words).has_job


@pytest.mark.parametrize("name", ["keeper.pid", "by-hand-7.pid"])
def test_a_keeper_is_known_by_its_start_time(disk, name):
    """A pid that was given to somebody else since is no keeper, and no training that was begun by hand."""
    mark = disk.parent / "run" / name
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    mark.write_text(f"{os.getpid()} {fields[19]}\n")
    assert facts(disk).training_lives
    mark.write_text(f"{os.getpid()} 1\n")
    assert not facts(disk).training_lives
