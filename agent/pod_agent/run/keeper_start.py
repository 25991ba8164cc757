"""How an agent brings a keeper into the world: what it is told, by file and by pipe, and as what it is run.

Nothing secret goes to a disk or into an argument list: command and environment travel through its standard input.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.run import exit_record
from pod_wire.errors import BadInput

if TYPE_CHECKING:
    from pod_agent.run.attempt_plan import AttemptPlan

BOOTSTRAP = "import sys; sys.path.append(sys.argv.pop(1)); from pod_agent.run.keeper import main; main()"
START_TIMEOUT_S = 30.0


def write_orders(plan: AttemptPlan) -> None:
    """What every keeper of this attempt must know, in a file. Nothing of the user's is in it but paths."""
    orders = {
        "log": os.fsencode(plan.log),
        "ballast": os.fsencode(plan.ballast),
        "pidfile": os.fsencode(plan.folder.parent.parent / "keeper.pid"),
        "signal": str(_signal_number(plan.signal)).encode(),
        "grace_s": str(plan.patience.grace_s).encode(),
        "hurry_s": str(plan.patience.hurry_s).encode(),
        "leftover_s": str(plan.patience.leftover_s).encode(),
        "full_s": str(plan.patience.full_s).encode(),
    }
    items = [part for name, value in orders.items() for part in (name.encode(), value)]
    draft = plan.folder / f".plan.{os.getpid()}"
    draft.write_bytes(exit_record.pack(items))
    draft.chmod(0o600)
    draft.rename(plan.folder / exit_record.PLAN)


def _signal_number(name: str) -> int:
    try:
        return signal.Signals["SIG" + name.upper().removeprefix("SIG")]
    except KeyError:
        raise BadInput(f"cannot use the signal {name!r}: there is no such signal", hint="e.g. TERM") from None


def errand(plan: AttemptPlan) -> bytes:
    """What only the first keeper is told, through its standard input."""
    environment = [os.fsencode(f"{name}={value}") for name, value in plan.env.items()]
    return exit_record.pack([os.fsencode(plan.command), os.fsencode(plan.cwd), plan.header, *environment])


def spawn_keeper(folder: Path, generation: int, mode: str, errand: bytes) -> None:
    """Start a keeper in a session of its own; returns when it has announced the attempt, or is gone."""
    root = str(Path(__file__).parents[2])
    argv = [sys.executable, "-I", "-S", "-c", BOOTSTRAP, root, str(folder), str(generation), mode]
    told, teller = os.pipe()
    hearer, heard = os.pipe()
    try:
        pid = os.posix_spawn(
            sys.executable,
            argv,
            {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "MALLOC_ARENA_MAX": "1"},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, told, 0),
                (os.POSIX_SPAWN_DUP2, heard, 1),
                (
                    os.POSIX_SPAWN_OPEN,
                    2,
                    folder / "keeper.err",
                    os.O_WRONLY | os.O_CREAT | os.O_APPEND,
                    0o600,
                ),
            ],
            setsid=True,
            setsigmask=(),
        )
        os.close(told)
        told = -1
        os.close(heard)
        heard = -1
        _tell_all(teller, errand)
        os.close(teller)
        teller = -1
        poll = select.poll()
        poll.register(hearer, select.POLLIN)
        if poll.poll(START_TIMEOUT_S * 1000) and not os.read(hearer, 16):
            reap(pid, os.WEXITED)
    finally:
        for fd in (told, teller, hearer, heard):
            if fd >= 0:
                os.close(fd)


def _tell_all(fd: int, data: bytes) -> None:
    with suppress(BrokenPipeError):  # it has died, which is noticed by its silence
        while data:
            data = data[os.write(fd, data) :]


def reap(pid: int, options: int = os.WEXITED | os.WNOHANG) -> None:
    """Bury a keeper that was our child; those of an earlier agent are not ours to bury."""
    with suppress(ChildProcessError):
        os.waitid(os.P_PID, pid, options)


def last_words(folder: Path) -> str:
    try:
        lines = (folder / "keeper.err").read_text("utf-8", "replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1] if lines else "it ended without a word"
