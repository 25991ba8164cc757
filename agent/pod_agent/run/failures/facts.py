"""What the exit alone tells of a failure: the keeper's word, the signal, the code. Pure; the log is not asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.run.failures.failure import Failure, Kind
from pod_agent.run.failures.retry import failure

if TYPE_CHECKING:
    from pod_agent.run.failures.evidence import Evidence

CRASHES = frozenset({"SEGV", "ABRT", "BUS", "FPE", "ILL", "TRAP", "SYS"})
SIGNAL_CODES = {129: "HUP", 130: "INT", 137: "KILL", 143: "TERM"}  # as a shell reports a child's signal
NOT_EXECUTABLE, NOT_FOUND = 126, 127


def of(evidence: Evidence) -> Failure:
    """The failure as far as the exit tells it."""
    kept = _kept(evidence)
    if kept is not None:
        return kept
    if evidence.signal is not None:
        return signalled(evidence.signal)
    if evidence.exit_code is None:
        return failure(Kind.LOST, "the exit is unknown: the keeper or the container was lost")
    return _exited(evidence.exit_code)


def _kept(evidence: Evidence) -> Failure | None:
    """What the keeper itself decided, or saw the kernel do."""
    match evidence.reason:
        case "disk_full":
            return failure(Kind.DISK_FULL, "disk full: the job's output could not be written for 5 minutes")
        case "spawn_failed":
            detail = f": {evidence.detail}" if evidence.detail else ""
            return failure(Kind.NOT_STARTED, f"the command could not be started{detail}")
        case "oom":
            return failure(Kind.HOST_MEMORY, "out of memory: the kernel killed the training")
        case _ if evidence.taken:
            return failure(Kind.TAKEN, "the pod was taken from under it")
        case _:
            return None


def signalled(name: str) -> Failure:
    """Ended by a signal."""
    if name in CRASHES:
        return failure(Kind.CRASH, f"the program crashed with signal {name}")
    return failure(Kind.KILLED, f"killed by signal {name} from outside")


def _exited(code: int) -> Failure:
    if code == NOT_FOUND:
        return failure(Kind.NO_COMMAND, "command not found (exit code 127)")
    if code == NOT_EXECUTABLE:
        return failure(Kind.NOT_EXECUTABLE, "the command cannot be executed (exit code 126)")
    if code in SIGNAL_CODES:
        return failure(Kind.KILLED, f"killed by signal {SIGNAL_CODES[code]} from outside (exit code {code})")
    return failure(Kind.UNKNOWN, f"exit code {code}")
