"""PID 1 of a process pod for its first milliseconds: builds the pod's root, then becomes the start command.

A program of its own (``python -I -S pod_root.py PLAN STATUS_FD``), standard library only. The pod's variables are its
environment; the plan holds paths and arguments, never a secret. It says ``pid …`` or ``error …`` on STATUS_FD.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
MS_BIND, MS_REC, MS_UNBINDABLE = 0x1000, 0x4000, 0x20000
MNT_DETACH = 2
OWN = ("proc", "run", "workspace", "podkeep")  # never the host's
NOT_STARTED, NOT_FOUND = 70, 127


@dataclass(frozen=True, slots=True)
class Plan:
    """What the pod's root is made of. ``binds`` are (source on the host, path in the pod)."""

    root: Path
    binds: tuple[tuple[str, str], ...]
    hosts: Path
    hostname: str
    argv: tuple[str, ...]
    console: Path
    record: Path
    generation: int


class Kernel:
    """The system calls that Python does not have."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)

    def mount(self, source: str, target: Path, kind: str, flags: int, data: str = "") -> None:
        words = (source.encode(), os.fsencode(target), kind.encode())
        if self._libc.mount(*words, ctypes.c_ulong(flags), data.encode()) != 0:
            raise self._error(f"mount {source} at {target}")

    def bind(self, source: str, target: Path) -> None:
        self.mount(source, target, "none", MS_BIND | MS_REC)

    def pivot(self, new_root: Path) -> None:
        """Make ``new_root`` the root and let the old one go; a chroot where the old root cannot be moved."""
        os.chdir(new_root)
        call = {"x86_64": 155, "aarch64": 41}.get(os.uname().machine)
        if call is None or self._libc.syscall(ctypes.c_long(call), b".", b".") != 0:
            if call is not None and ctypes.get_errno() not in (errno.EINVAL, errno.ENOSYS):
                raise self._error(f"pivot_root to {new_root}")
            os.chroot(".")
        elif self._libc.umount2(b".", MNT_DETACH) != 0:
            raise self._error("let go of the old root")
        os.chdir("/")

    @staticmethod
    def _error(what: str) -> OSError:
        number = ctypes.get_errno()
        return OSError(number, f"{os.strerror(number)}: {what}")


def read_plan(path: Path) -> Plan:
    raw = json.loads(path.read_bytes())
    return Plan(
        root=Path(raw["root"]),
        binds=tuple((source, target) for source, target in raw["binds"]),
        hosts=Path(raw["hosts"]),
        hostname=raw["hostname"],
        argv=tuple(raw["argv"]),
        console=Path(raw["console"]),
        record=Path(raw["record"]),
        generation=raw["generation"],
    )


def own_identity() -> tuple[int, int, str]:
    """Our pid and start time as the host sees them, and our pid namespace. Only while the host's /proc is mounted."""
    pid = int(Path("/proc/self").readlink().name)
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return pid, int(fields[19]), str(Path("/proc/self/ns/pid").readlink())


def keep_resolver(run: Path) -> None:
    """The host's resolv.conf often lies under /run, which the pod gets anew: copy it to the same place."""
    real = Path("/etc/resolv.conf").resolve()
    if real.is_relative_to("/run") and real.is_file():
        copy = run / real.relative_to("/run")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(real.read_bytes())


def bind_host(kernel: Kernel, root: Path) -> None:
    """Every top-level entry of the host but the pod's own ones."""
    for entry in sorted(Path("/").iterdir()):
        target = root / entry.name
        if entry.name in OWN:
            continue
        if entry.is_symlink():
            target.symlink_to(entry.readlink())
        elif entry.is_dir():
            target.mkdir()
            kernel.bind(str(entry), target)
        elif entry.is_file():
            target.touch()
            kernel.bind(str(entry), target)


def build(plan: Plan, kernel: Kernel) -> None:
    kernel.mount("podkeep", plan.root, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=256m")
    kernel.mount(
        "none", plan.root, "none", MS_UNBINDABLE
    )  # else the entry that holds this folder would hold it twice
    bind_host(kernel, plan.root)
    (plan.root / "proc").mkdir()
    kernel.mount("proc", plan.root / "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    for source, target in plan.binds:
        place = plan.root / target.lstrip("/")
        place.mkdir(parents=True, exist_ok=True)
        kernel.bind(source, place)
        if target == "/run":
            keep_resolver(Path(source))
    if (plan.root / "etc/hosts").is_file():
        kernel.bind(str(plan.hosts), plan.root / "etc/hosts")
    socket.sethostname(plan.hostname)


def enter(plan: Plan) -> str:
    """Build the root, leave a record of who we are for a simulator that comes later, and move in."""
    pid, start_time, namespace = own_identity()
    kernel = Kernel()
    build(plan, kernel)
    identity = {"pid": pid, "start_time": start_time, "namespace": namespace, "generation": plan.generation}
    draft = plan.record.with_suffix(".new")
    draft.write_text(json.dumps(identity))
    draft.replace(plan.record)
    kernel.pivot(plan.root)
    return json.dumps(identity)


def speak_to(console: Path) -> None:
    """From here on, what PID 1 writes goes to the pod's console; until here it was the helper's own log."""
    descriptor = os.open(console, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def tell(status_fd: int, line: str) -> bool:
    """Report to the simulator. False: it is gone, and the next one starts this pod itself."""
    try:
        os.write(status_fd, f"{line}\n".encode())
    except BrokenPipeError:
        return False
    return True


def given_environment() -> dict[bytes, bytes]:
    """The variables as they were given: Python itself may have added some to its own."""
    words = Path("/proc/self/environ").read_bytes().split(b"\0")
    return {name: value for name, mark, value in (word.partition(b"=") for word in words) if mark}


def main(arguments: list[str]) -> int:
    plan, status_fd = read_plan(Path(arguments[1])), int(arguments[2])
    os.set_inheritable(status_fd, False)  # noqa: FBT003 (positional only)
    os.umask(0o022)
    os.setsid()
    try:
        speak_to(plan.console)
        line = f"pid {enter(plan)}"
    except OSError as error:
        line = f"error {error.strerror or error}"
    if not tell(status_fd, line) or line.startswith("error"):
        return NOT_STARTED
    try:
        os.execvpe(plan.argv[0], plan.argv, given_environment())  # noqa: S606 (no shell is wanted)
    except OSError as error:
        sys.stderr.write(f"pod_sim: cannot run the start command {plan.argv[0]}: {error.strerror}\n")
    return NOT_FOUND


if __name__ == "__main__":
    sys.exit(main(sys.argv))
