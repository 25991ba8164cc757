"""What the agent leaves for others of this pod to find: who it is, its leaving, and the token for who logs in by ssh.

On the container's disk and under ``/run``, never on the workspace. Not here: who reads them (the entrypoint, people).
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.pod import scribe
from pod_wire.secrets import Secret

if TYPE_CHECKING:
    from pod_agent.settings import Settings

LEAVE = "leave"
AGENT_PID = "agent.pid"
TOKEN = "token"  # noqa: S105 - a file's name
LOCAL_TOKEN = "local-token"  # noqa: S105 - the same
LEAST_TOKEN = 32  # letters of one of ours
log = logging.getLogger("podkeep")


def here(run_dir: Path) -> None:
    """Where others find us; a mark of an earlier leaving is taken away."""
    try:
        scribe.make_folder(run_dir)
        (run_dir / LEAVE).unlink(missing_ok=True)
        scribe.replace(run_dir / AGENT_PID, f"{os.getpid()} {_began(os.getpid())}\n".encode())
    except OSError as error:  # a full disk must not keep us from stopping the pod
        log.warning("marks=unwritten error=%r", str(error))


def agent(run_dir: Path) -> int | None:
    """The pid of the agent that lives on this pod. A pid alone may be somebody else's by now."""
    try:
        pid, began = (run_dir / AGENT_PID).read_text("ascii").split()
        return int(pid) if _began(int(pid)) == began else None
    except (OSError, ValueError):
        return None


def _began(pid: int) -> str | None:
    """The kernel's start time of a living process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(") ")[2].split()
    except OSError:
        return None
    return fields[19] if len(fields) > 19 and fields[0] not in "ZX" else None  # noqa: PLR2004 - see proc(5)


def leaving(run_dir: Path, code: int) -> None:
    """The entrypoint is to leave with us, with this code. That the mark is there is enough, also on a full disk."""
    try:
        scribe.replace(run_dir / LEAVE, f"{code}\n".encode())
    except OSError as error:
        log.warning("leave=empty error=%r", str(error))
        (run_dir / LEAVE).touch()


def token(settings: Settings) -> Secret:
    """The configured token; without one, ours: made once, in a file that only root reads, for ssh."""
    return _made(settings.disk_dir / TOKEN) if settings.token is None else settings.token


def local_token(settings: Settings) -> Secret:
    """For programs of this pod that run as root: the configured one may be known to us only as a hash."""
    return _made(settings.disk_dir / LOCAL_TOKEN)


def _made(path: Path) -> Secret:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        known = path.read_text("ascii").strip()
        if len(known) >= LEAST_TOKEN:  # an empty one would let everybody in
            return Secret(known)
    made = secrets.token_urlsafe(32)
    try:
        scribe.make_folder(path.parent)
        scribe.replace(path, f"{made}\n".encode())
    except OSError as error:  # nobody can know this one, but /healthz answers
        log.warning("token=unwritten error=%r", str(error))
    return Secret(made)
