"""The container's CPU and memory, of both versions of cgroups: recorded trees, and this machine's own files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pod_agent.pod.vitals import cgroup
from pod_agent.pod.vitals.cgroup import Group, Groups
from pod_agent.pod.vitals.container import SELDOM, ContainerWatch
from pod_agent.pod.vitals.sample import Container
from tests.agent import cgroup_trees as trees
from tests.agent.cgroup_trees import MIB, memory_groups

KNOWN = Container(
    cpu_seconds=123.456789,
    cpu_throttled_seconds=2.5,
    cpu_cores=6.5,
    memory_used_bytes=3000 * MIB,
    memory_working_bytes=2000 * MIB,
    memory_limit_bytes=8000 * MIB,
    oom_kills=2,
)


def seen(root, cores=64):
    found = ContainerWatch(root, cores=cores).look()
    return Container(
        **{
            name: round(value, 6) if isinstance(value, float) else value
            for name in Container.__slots__
            for value in [getattr(found, name)]
        }
    )


@pytest.mark.parametrize("path", [trees.DOCKER, f"{trees.DOCKER}/inner"])
def test_version_1_as_docker_shows_it(tmp_path, path):
    """The limits and counts of the container, or of the group within it that the agent is in."""
    found = seen(trees.first(tmp_path, path=path))
    assert found.cpu_seconds == 123.456789
    assert found == KNOWN


@pytest.mark.parametrize(("path", "mounted"), [("/", "/"), ("/pods/p1", "/"), ("/pods/p1", "/pods")])
def test_version_2(tmp_path, path, mounted):
    """With a name space of its own, and without."""
    assert seen(trees.second(tmp_path, path=path, mounted=mounted)) == KNOWN


def test_a_group_outside_what_is_mounted_is_the_mount(tmp_path):
    """A path that leads out of the name space names nothing here: what is mounted is the container's own."""
    trees.second(tmp_path)
    (tmp_path / "proc/self/cgroup").write_text("0::/../../system.slice\n")
    assert seen(tmp_path) == KNOWN


def test_no_limit_is_the_whole_machine(tmp_path):
    """All its cores, and all its memory."""
    found = seen(trees.second(tmp_path, more={"cpu.max": "max 100000\n", "memory.max": "max\n"}), cores=48)
    assert (found.cpu_cores, found.memory_limit_bytes) == (48.0, 263757712 * 1024)


def test_a_limit_beyond_the_machine_is_the_machine(tmp_path):
    """As version 1 says of a container without one."""
    trees.first(tmp_path)
    (tmp_path / "sys/fs/cgroup/memory/memory.stat").write_text(
        "hierarchical_memory_limit 9223372036854771712\n"
    )
    found = seen(tmp_path)
    assert found.memory_limit_bytes == 263757712 * 1024
    assert found.memory_working_bytes is None  # its kernel does not tell


def test_a_hybrid_takes_each_controller_where_it_is(tmp_path):
    """Version 1 for memory, version 2 mounted beside it with nothing but a list of processes."""
    trees.first(tmp_path)
    table = tmp_path / "proc/self/mountinfo"
    table.write_text("41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n" + table.read_text())
    ours = tmp_path / "proc/self/cgroup"
    ours.write_text("0::/\n" + ours.read_text())
    trees.write(tmp_path, {"sys/fs/cgroup/unified/cgroup.procs": "1\n"})
    assert cgroup.find(tmp_path).memory == Group(tmp_path / "sys/fs/cgroup/memory", 1)
    assert seen(tmp_path) == KNOWN


@pytest.mark.parametrize("text", ["", "garbage\n", "0::\n", "0::/\n", "x:memory\n"])
def test_where_nothing_is_to_be_seen_nothing_is_available(tmp_path, text):
    """No file, or one that means nothing: None, and never 0."""
    trees.write(tmp_path, {"proc/self/mountinfo": "1 2 3\n\n", "proc/self/cgroup": text})
    assert cgroup.find(tmp_path) == Groups()
    assert seen(tmp_path, cores=2) == Container(cpu_cores=2.0)


def test_files_that_vanish_are_not_available(tmp_path):
    """A group that is taken away amid a life."""
    watch = ContainerWatch(trees.second(tmp_path), cores=8)
    assert watch.look().oom_kills == 2
    for path in (tmp_path / "sys/fs/cgroup").iterdir():
        path.unlink()
    found = watch.look()
    assert (found.cpu_seconds, found.memory_used_bytes, found.cpu_cores) == (None, None, 6.5)
    later = [watch.look() for _ in range(SELDOM)][-1]
    assert (later.cpu_seconds, later.oom_kills, later.cpu_cores) == (None, None, 8.0)


def test_cpu_time_and_memory_are_told_anew_at_each_look(tmp_path):
    """Limits and kills are as of every other look."""
    watch = ContainerWatch(trees.second(tmp_path), cores=8)
    first = watch.look()
    trees.write(
        tmp_path,
        {
            "sys/fs/cgroup/cpu.stat": "usage_usec 200000000\n",
            "sys/fs/cgroup/memory.current": "7\n",
            "sys/fs/cgroup/memory.events": "oom_kill 9\n",
        },
    )
    second, third = watch.look(), watch.look()
    assert (second.cpu_seconds, second.memory_used_bytes) == (200.0, 7)
    assert (second.oom_kills, third.oom_kills) == (first.oom_kills, 9)


def test_this_machines_own_files_are_read():
    """What is there is plausible, and its CPU time only grows."""
    watch = ContainerWatch()
    first, second = watch.look(), watch.look()
    assert first.cpu_cores > 0
    assert first.memory_limit_bytes > 0
    if first.cpu_seconds is not None:
        assert 0 < first.cpu_seconds <= second.cpu_seconds
    if first.memory_used_bytes is not None:
        assert 0 < first.memory_used_bytes <= first.memory_limit_bytes


def test_a_real_kill_for_memory_is_counted():
    """A program in a group of 40 MB eats more: one kill, by the kernel's own count."""
    group, version = _small_group()
    if group is None:
        pytest.skip("no right to make a memory cgroup here; run as root")
    watch = ContainerWatch(groups=Groups(memory=Group(group, version)))
    try:
        before = watch.look()
        eater = f"open({str(group / 'cgroup.procs')!r}, 'w').write('0')\nbytearray(200 << 20)"
        assert subprocess.run([sys.executable, "-I", "-S", "-c", eater], check=False).returncode == -9
        assert before.memory_limit_bytes == 40 * MIB
        after = [watch.look() for _ in range(SELDOM)][-1]
        assert after.oom_kills - before.oom_kills == 1
    finally:
        group.rmdir()


def _small_group() -> tuple[Path | None, int]:
    for home, limit in memory_groups():
        group = home / f"podkeep-test-vitals-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / limit).write_text(str(40 * MIB))
        except OSError:
            group.rmdir()
            continue
        return group, 2 if limit == "memory.max" else 1
    return None, 0
