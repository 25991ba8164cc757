"""What a login over ssh finds: the job's environment and the pod's state, as files that a shell reads. Pure text here.

The login reads files, never the agent: it works with the agent dead and the workspace hung. Both hold only what the
job holds too, in 0600 files. Not here: what the login does with them (``sshd_login.sh``).
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from pod_wire.status import Phase

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pod_wire.status import Status

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_SESSIONS = """
BASHOPTS BASHPID BASH_ARGC BASH_ARGV BASH_ARGV0 BASH_LINENO BASH_SOURCE BASH_SUBSHELL BASH_VERSINFO
COLUMNS COMP_WORDBREAKS DIRSTACK DISPLAY EUID FUNCNAME GROUPS HISTCMD HOME HOSTNAME IFS LINENO LINES
LOGNAME MAIL OLDPWD OPTARG OPTERR OPTIND PPID PS1 PS2 PS4 PWD RANDOM SECONDS SHELL SHELLOPTS SHLVL
SRANDOM TERM TMUX TMUX_PANE TTY UID USER WINDOW _
"""
THE_SESSIONS = frozenset(_SESSIONS.split())  # sshd, shell or tmux set them; the job's would break a session
MICRO = 1_000_000
CLOSE_S = 3  # moments are counted anew at each look: so much later is no news


def environment(variables: Mapping[str, str]) -> bytes:
    """Assignments that any POSIX shell reads back byte for byte. What no shell can hold is left out."""
    lines = (
        f"export {name}={quoted(value)}\n" for name, value in sorted(variables.items()) if fits(name, value)
    )
    return b"# Written by podkeep: what the job's environment is. Read it with: . FILE\n" + b"".join(
        line.encode("utf-8", "surrogateescape") for line in lines
    )


def mark(of: bytes) -> bytes:
    """A first line that says of what a file was made."""
    return f"# {hashlib.sha256(of).hexdigest()}\n".encode()


def fits(name: str, value: str) -> bool:
    """Whether a shell can take this variable over for a session."""
    own = name in THE_SESSIONS or name.startswith(("SSH_", "pk_"))
    return NAME.fullmatch(name) is not None and not own and "\0" not in value


def quoted(value: str) -> str:
    """A word of a POSIX shell: nothing in it means anything."""
    return "'" + value.replace("'", "'\\''") + "'"


def facts(status: Status, folder: Path, agent_pid: int) -> dict[str, str]:
    """What the banner tells, as a shell computes with it: whole seconds and millionths of a dollar."""
    job = status.job
    price = status.price_per_hour
    return {
        "agent": str(agent_pid),
        "pod": status.pod or "",
        "job": job.name if job is not None else "",
        "phase": str(status.phase),
        "outcome": str(job.outcome) if job is not None and job.outcome is not None else "",
        "booted": "" if status.booted_at is None else str(int(status.booted_at)),
        "price": "" if price is None else str(round(price * MICRO)),
        "stops": "" if status.stops_at is None else str(int(status.stops_at)),
        "because": status.stops_because or "",
        "keep": _keep(status),
        "folder": str(folder),
    }


def _keep(status: Status) -> str:
    """How a person keeps the pod longer. True words only: being logged in keeps nothing."""
    if status.phase is Phase.STOPPING:
        return "it is stopping now: save what you need"
    if status.stops_because == "idle":
        return (
            "give it a job (pod-client up), or POD_IDLE_MINUTES=0 with the next; a login alone keeps nothing"
        )
    if status.stops_because == "deadline":
        return "POD_MAX_HOURS is fixed for this boot; a login keeps nothing"
    if status.stops_because == "budget":
        return "a new order with more dollars: pod-client up --max-cost; a login keeps nothing"
    if status.stops_because == "hold":
        return "mend the job and run pod-client up again, or pod-client keep; a login alone keeps nothing"
    if status.phase in {Phase.WAITING, Phase.FINISHED}:
        return ""
    return "POD_ON_FINISH=keep and POD_ON_FAILURE=keep with the order; a login keeps nothing"


def is_news(before: Mapping[str, str], now: Mapping[str, str]) -> bool:
    """Whether the file has to be written again."""
    if before.keys() != now.keys():
        return True
    return any(_differ(before[name], now[name], is_moment=name in {"stops", "booted"}) for name in now)


def _differ(before: str, now: str, *, is_moment: bool) -> bool:
    if is_moment and before and now:
        return abs(int(before) - int(now)) >= CLOSE_S
    return before != now


def assignments(values: Mapping[str, str], told_at: float) -> bytes:
    """As a file for ``.``: names are ours, values may be anything."""

    def lines() -> Iterator[str]:
        yield f"pk_told={int(told_at)}\n"
        for name, value in values.items():
            shown = value if name == "folder" else "".join(c if c.isprintable() else " " for c in value)
            yield f"pk_{name}={quoted(shown)}\n"

    return "".join(lines()).encode("utf-8", "surrogateescape")
