"""Birth of the training: a child that waits at a gate until the exit record names it, then becomes bash.

If the keeper dies before it opens the gate, the child ends having run nothing: no attempt without a record.
"""

from __future__ import annotations

import ctypes
import os
import signal

from pod_agent.run.exit_record import FIFO, MARKER

PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 15, 36
OOM_SCORE = b"800"  # the kernel takes the training before its keeper and its agent


class Birth:
    """The training before it runs: its pid, the gate it waits at, the pipe on which it says what failed."""

    __slots__ = ("errors", "gate", "pid")

    def __init__(self, pid: int, gate: int, errors: int) -> None:
        self.pid = pid
        self.gate = gate
        self.errors = errors  # end of file: bash runs; else the words of what went wrong

    def open_gate(self) -> None:
        os.write(self.gate, b"g")
        os.close(self.gate)


def become_subreaper() -> None:
    """From now on whoever is orphaned below us becomes our child, and cannot leave unseen."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "cannot become a child subreaper")
    libc.prctl(PR_SET_NAME, b"podkeep-keeper", 0, 0, 0)


def spawn(command: bytes, cwd: bytes, environment: dict[bytes, bytes], nonce: str, umask: int) -> Birth:
    """Fork the child that will run ``bash -o pipefail -c <command>`` in a session of its own."""
    environment = {b"PYTHONUNBUFFERED": b"1", b"PYTHONFAULTHANDLER": b"1"} | environment
    environment[MARKER.encode()] = nonce.encode()
    gate, opener = os.pipe()
    errors, complaint = os.pipe()
    old = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # none may be lost in the child
    pid = os.fork()
    if pid == 0:
        os.close(opener)
        _become(command, cwd, environment, umask, gate=gate, complaint=complaint)
    signal.pthread_sigmask(signal.SIG_SETMASK, old)
    os.close(gate)
    os.close(complaint)
    return Birth(pid, opener, errors)


def _become(
    command: bytes, cwd: bytes, environment: dict[bytes, bytes], umask: int, *, gate: int, complaint: int
) -> None:
    """The child's part; never returns."""
    doing = b"set the process up"
    try:
        os.setsid()
        if os.read(gate, 1) != b"g":
            os._exit(125)
        _join(0, os.open("/dev/null", os.O_RDONLY))
        out = os.open(FIFO, os.O_RDWR)  # its own open file: our O_NONBLOCK is not the job's
        _join(1, out)
        _join(2, out)
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            if signal.getsignal(number) is not signal.SIG_DFL:  # ours, Python's, and what a shell's & ignores
                signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        _raise_oom_score()
        os.umask(umask)
        doing = b"enter " + cwd
        os.chdir(cwd)
        doing = b"run bash"
        bash = _find_bash(environment.get(b"PATH", b""))
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        arguments = [b"bash", b"-o", b"pipefail", b"-c", command]
        os.execve(bash, arguments, environment)  # noqa: S606 - the user's own shell text
    except OSError as error:
        os.write(complaint, b"cannot " + doing + b": " + os.strerror(error.errno or 0).encode())
    finally:
        os._exit(127)


def _join(target: int, source: int) -> None:
    os.dup2(source, target, inheritable=True)


def _raise_oom_score() -> None:
    try:
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        os.write(fd, OOM_SCORE)
    except OSError:
        return  # a read-only /proc: no reason to refuse the job
    os.close(fd)


def _find_bash(path: bytes) -> bytes:
    for folder in [*path.split(b":"), b"/bin", b"/usr/bin"]:
        if folder and os.access(folder + b"/bash", os.X_OK):
            return folder + b"/bash"
    return b"bash"
