"""Pods as processes: their root, their end, their pids. Real namespaces."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pod_sim.backends import namespaces
from pod_sim.backends.container import Container, Launch, kill_inside
from pod_sim.backends.host import find_unshare
from pod_sim.backends.process import ProcessPods
from pod_sim.files import wipe
from pod_wire.errors import Broken, NotFound
from tests.live import PATIENCE_S, wait_for

LINE = "echo ready; sleep 600 & wait"


class Pod:
    """One container in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.backend = ProcessPods(find_unshare(), sys.executable)
        self.container: Container | None = None

    def start(self, script: str, until: str = "ready", **environment: str) -> str:
        places = {f"/{name}": self.folder / name for name in ("run", "workspace", "podkeep")}
        for place in places.values():
            place.mkdir(exist_ok=True)
        self.container = self.backend.start(
            Launch(
                self.folder,
                "pod-name",
                ("/bin/bash",),
                ("-c", script),
                {"PATH": os.environ["PATH"], **environment},
                tuple((source, target) for target, source in places.items()),
                7,
            )
        )
        return wait_for(until, lambda: until in (said := self.console()) and said, every_s=0.01)

    def console(self) -> str:
        path = self.folder / "console.log"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[Pod]:
    pod = Pod(tmp_path)
    yield pod
    if pod.container is not None:
        pod.backend.stop(pod.container, pod.folder, 0.0)


def test_a_pod_is_alone(pod):
    """PID 1 is the start command; the hostname and the processes seen are the pod's own."""
    said = pod.start('echo "pid=$$ host=$(hostname) seen=$(ls /proc | grep -c "^[0-9]")"; ' + LINE)
    line = said.splitlines()[0]
    assert line.startswith("pid=1 host=pod-name seen=")
    assert int(line.rpartition("=")[2]) < 6


def test_a_pod_has_folders_of_its_own(pod):
    """/run, /workspace and /podkeep are the pod's; /usr is the host's; / can be written and is not the host's."""
    pod.start(
        "for p in run workspace podkeep; do echo $p > /$p/mark; done; touch /only-here; ls /usr/bin/env; "
        + LINE
    )
    assert [(pod.folder / name / "mark").read_text() for name in ("run", "workspace", "podkeep")] == [
        "run\n",
        "workspace\n",
        "podkeep\n",
    ]
    assert not Path("/only-here").exists()


def test_a_pods_name_resolves(pod):
    """The pod's hostname is in its /etc/hosts."""
    assert "127.0.0.1" in pod.start("getent hosts pod-name; " + LINE).splitlines()[0]


def test_nothing_of_ours_is_open_in_a_pod(pod):
    """PID 1 has its three standard files and nothing else."""
    pod.start("readlink /proc/1/fd/* > /run/open; " + LINE)
    console = str(pod.folder / "console.log")
    assert (pod.folder / "run/open").read_text().split() == ["/dev/null", console, console]


def test_only_the_given_variables_arrive(pod):
    """A pod's environment holds what it was given, and what bash itself adds."""
    said = pod.start("env; " + LINE, GIVEN="yes")
    names = {line.partition("=")[0] for line in said.splitlines() if "=" in line}
    assert names <= {"GIVEN", "PATH", "PWD", "SHLVL", "_", "OLDPWD"}
    assert "GIVEN" in names


def test_a_stop_lets_pid_1_say_goodbye(pod):
    """SIGTERM reaches PID 1, and a stop is quick when it goes."""
    pod.start('trap "echo goodbye; exit 0" TERM; ' + LINE)
    pod.backend.stop(pod.container, pod.folder, PATIENCE_S)
    assert "goodbye" in pod.console()
    assert namespaces.processes(pod.container.namespace) == ()


def test_a_stop_ends_everything(pod):
    """What ignores SIGTERM, forks twice and leaves its session is gone after the grace."""
    pod.start('trap "" TERM; (setsid bash -c "trap \\"\\" TERM; (sleep 600 &) ; sleep 600" &) ; ' + LINE)
    before = wait_for("all that it begins", lambda: with_three_that_sleep(pod), every_s=0.01)
    pod.backend.stop(pod.container, pod.folder, 0.1)
    assert [process for process in before if Path(f"/proc/{process.host_pid}").exists()] == []


def with_three_that_sleep(pod: Pod) -> tuple[namespaces.PodProcess, ...]:
    """Its processes, once there are so many of them; none before."""
    found = namespaces.processes(pod.container.namespace)
    return found if sum(process.command == "sleep 600" for process in found) == 3 else ()


def test_pids_inside_lead_to_pids_outside(pod):
    """A signal by the pid inside reaches that very process."""
    pod.start("sleep 599 & echo child=$!; echo ready; wait; echo ended; sleep 600")
    inside = int(pod.console().split("child=")[1].split()[0])
    host_pid = kill_inside(pod.container, inside, signal.SIGKILL)
    assert host_pid != inside
    wait_for("bash saw its child's end", lambda: "ended" in pod.console(), every_s=0.01)


def test_no_signal_leaves_the_pod(pod):
    """A pid that is not in the pod is refused, also when this machine has one of that number."""
    pod.start(LINE)
    with pytest.raises(NotFound):
        kill_inside(pod.container, os.getpid(), signal.SIGKILL)


def test_a_later_simulator_finds_the_container(pod):
    """By the record in the pod's folder, of the right generation only, and only while it lives."""
    pod.start(LINE)
    later = ProcessPods((), sys.executable)
    assert later.find(pod.folder, 7) == pod.container
    assert later.find(pod.folder, 8) is None
    pod.backend.stop(pod.container, pod.folder, 0.0)
    assert later.find(pod.folder, 7) is None


def test_a_recorded_pid_of_somebody_else_is_left_alone(pod):
    """A stop with an old start time signals nobody."""
    pod.backend.stop(Container(os.getpid(), 1, "pid:[1]", 1), pod.folder, 0.0)
    assert Path(f"/proc/{os.getpid()}").exists()


def test_a_root_that_cannot_be_built_says_why(pod):
    """A missing folder ends in one sentence, and in no process."""
    (pod.folder / "gone").mkdir()
    launch = Launch(pod.folder, "h", ("true",), (), {"PATH": "/bin"}, ((pod.folder / "no such", "/x"),), 1)
    with pytest.raises(Broken, match="No such file or directory: mount"):
        pod.backend.start(launch)


def test_a_missing_start_command_is_said_on_the_console(pod):
    """What cannot be run is named where PID 1 would write."""
    launch = Launch(pod.folder, "h", ("/no/such",), (), {"PATH": "/bin"}, (), 1)
    pod.container = pod.backend.start(launch)
    wait_for("the complaint", lambda: "cannot run the start command /no/such" in pod.console(), every_s=0.01)


def test_wiping_takes_what_has_no_rights(tmp_path):
    """A folder whose owner took away his own rights is removed, and links are not followed."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "disk/closed/deep").mkdir(parents=True)
    (tmp_path / "disk/link").symlink_to(outside)
    (tmp_path / "disk/closed").chmod(0)
    wipe(tmp_path / "disk")
    assert outside.exists()
    assert not (tmp_path / "disk").exists()
