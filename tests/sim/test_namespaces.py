"""What /proc says of processes."""

from __future__ import annotations

import os
import subprocess

from pod_sim.backends import namespaces


def test_a_process_is_told_by_its_start_time():
    """The same pid with another start time is another process."""
    started = namespaces.start_time(os.getpid())
    assert namespaces.is_alive(os.getpid(), started)
    assert not namespaces.is_alive(os.getpid(), started - 1)


def test_a_zombie_is_not_alive():
    """A process that has ended and was not waited for is gone."""
    child = subprocess.Popen(["sh", "-c", "exec cat"], stdin=subprocess.PIPE)
    started = namespaces.start_time(child.pid)
    assert namespaces.is_alive(child.pid, started)
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not namespaces.is_alive(child.pid, started)
    child.wait()


def test_what_does_not_exist_is_not_alive():
    """A pid without a process has neither start time nor namespace."""
    assert namespaces.start_time(2**22 + 1) is None
    assert namespaces.namespace_of(2**22 + 1) is None
    assert not namespaces.is_alive(2**22 + 1, 0)


def test_processes_are_those_of_one_namespace():
    """We are in our own namespace, under our own pid, and in no other."""
    found = namespaces.processes(namespaces.namespace_of(os.getpid()))
    assert os.getpid() in {process.host_pid for process in found}
    assert namespaces.processes("pid:[1]") == ()
