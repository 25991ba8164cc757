"""Whose each process is: ours, the job's, people's, or one that only watches. Pure, over one look at the table."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pod_agent.pod.idle.raw import Process, Roles


class Whose(StrEnum):
    """To whom a process belongs."""

    OURS = "ours"
    JOB = "job"
    PEOPLE = "people"
    WATCHER = "watcher"  # left open to look at something: no work


WATCHERS = frozenset(
    [
        "watch",
        "top",
        "htop",
        "btop",
        "atop",
        "iotop",
        "nvtop",
        "nvitop",
        "nvidia-smi",
        "gpustat",
        "glances",
        "dstat",
        "vmstat",
        "iostat",
        "tail",
        "less",
        "more",
        "sleep",
    ]
)
WAITING = frozenset(  # these hold no GPU and do no work of their own
    [
        "sshd",
        "sshd-session",
        "sftp-server",
        "bash",
        "sh",
        "dash",
        "zsh",
        "fish",
        "screen",
        "SCREEN",
        "login",
        "su",
        "sudo",
        "cat",
        "tini",
        "ssh-agent",
        "gpg-agent",
        "dbus-daemon",
    ]
) | {"tmux: server", "tmux: client"}
MOST_STEPS = 1000


def sort(processes: Iterable[Process], roles: Roles) -> Mapping[int, Whose]:
    """The owner of each process, by its pid."""
    table = {process.pid: process for process in processes}
    ancestors = _ancestors(table, roles.agent)
    keepers = {table[pid].parent for pid in roles.trainings if pid in table} - ancestors - {0, roles.agent}
    return {pid: _of(table, pid, roles, ancestors, keepers) for pid in table}


def works(process: Process) -> bool:
    """Whether it may be at work itself, and is no shell, login or terminal."""
    return process.name not in WAITING


def _of(
    table: Mapping[int, Process], pid: int, roles: Roles, ancestors: set[int], keepers: set[int]
) -> Whose:
    """The first of its line whom we know decides."""
    if pid in ancestors or pid in roles.services or pid in keepers or pid == roles.agent:
        return Whose.OURS
    at, steps = pid, 0
    while at in table and steps < MOST_STEPS:
        if at in roles.trainings or at in keepers:
            return Whose.JOB
        if table[at].name in WATCHERS:
            return Whose.WATCHER
        if at == roles.agent:  # an init's children may be anybody's
            return Whose.PEOPLE if at == 1 else Whose.OURS
        if at in roles.services or at in ancestors:
            return Whose.PEOPLE
        at, steps = table[at].parent, steps + 1
    return Whose.PEOPLE


def _ancestors(table: Mapping[int, Process], pid: int) -> set[int]:
    """The init, the entrypoint, and whatever else began the agent."""
    found: set[int] = set()
    at = table[pid].parent if pid in table else 0
    while at in table and at not in found:
        found.add(at)
        at = table[at].parent
    return found
