"""May process pods run on this machine? One answer, and where it is no, the one command that makes it a yes."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from pod_wire.errors import PodError

NAMESPACES = ("--mount", "--pid", "--uts", "--fork", "--kill-child")
AS_NOBODY_SPECIAL = ("--user", "--map-root-user")
PROBE = ("sh", "-c", "mount -t proc proc /proc")

SWITCHES = (
    ("kernel/unprivileged_userns_clone", "0", "sudo sysctl -w kernel.unprivileged_userns_clone=1"),
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    ("user/max_user_namespaces", "0", "sudo sysctl -w user.max_user_namespaces=15000"),
)


def find_unshare() -> tuple[str, ...]:
    """The command that makes a pod's namespaces, with the options that work here. Raises with the remedy."""
    program = shutil.which("unshare")
    if program is None:
        raise PodError(
            "cannot start process pods: unshare is missing", "run: sudo apt-get install util-linux"
        )
    choices = [NAMESPACES, (*AS_NOBODY_SPECIAL, *NAMESPACES)]
    for options in choices if os.geteuid() == 0 else choices[1:]:
        command = (program, *options)
        if subprocess.run([*command, *PROBE], capture_output=True, check=False).returncode == 0:
            return command
    raise PodError(
        "cannot start process pods: this machine refuses new namespaces", remedy(Path("/proc/sys"))
    )


def remedy(settings: Path) -> str:
    """What to run, by the first setting that stands in the way."""
    for name, bad, command in SWITCHES:
        switch = settings / name
        if switch.is_file() and switch.read_text().strip() == bad:
            return f"run: {command}"
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        return "start this container with: docker run --privileged"
    return "run the same command as root (sudo -E …), or in a virtual machine"
