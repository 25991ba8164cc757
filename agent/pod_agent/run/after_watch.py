"""The command of a job that looks after a training begun by somebody else: shows its output, waits for its end.

A program of its own (``python -I -S after_watch.py PID:START…``), standard library only. A process is named by pid and
kernel start time. It ends with 0 when all have ended: how they ended, only their own parent can learn.
"""

from __future__ import annotations

import contextlib
import os
import select
import stat
import sys

PROGRAM = "after_watch.py"
LOOK_S = 1.0
PAST_BYTES = 1 << 20  # of an output that began before us
PIECE_BYTES = 1 << 16
OOM_SCORE = b"0"  # we weigh nothing: our end would free no memory
ENDED = "has ended; how, only who started it can know: it counts as an end"


def is_watch(command: str) -> bool:
    """Whether a job's command is this program: such a job looks on, and asks nothing of the machine."""
    return f"/{PROGRAM} " in command


def started(pid: int) -> int | None:
    """The kernel's start time of a living process; None when there is none, or only its zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:  # noqa: PTH123 - small, as the keeper
            fields = file.read(4096).rpartition(b") ")[2].split()
    except OSError:
        return None
    is_dead = len(fields) < 20 or (fields[0] in b"ZXx" and int(fields[17]) < 2)  # noqa: PLR2004 - see proc(5)
    return None if is_dead else int(fields[19])


class Output:
    """One file that a process writes to, read from now on, and its last part from before."""

    def __init__(self, place: str) -> None:
        self._fd = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        found = os.fstat(self._fd)
        self.key = (found.st_dev, found.st_ino)
        self._at = max(0, found.st_size - PAST_BYTES)
        if self._at:
            head = os.pread(self._fd, PIECE_BYTES, self._at)
            self._at += head.find(b"\n") + 1  # 0 where no line ends here: then from amid a line

    def move(self) -> None:
        """What is new of it, to our own output."""
        if os.fstat(self._fd).st_size < self._at:
            say("its output was emptied: it is shown from its new beginning")
            self._at = 0
        while piece := os.pread(self._fd, PIECE_BYTES, self._at):
            self._at += len(piece)
            write(piece)


def write(data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(1, left) :]


def say(text: str) -> None:
    write(f"podkeep: {text}\n".encode("utf-8", "replace"))


def outputs(pid: int) -> list[Output]:
    """Where its standard output and error go, as far as that can be read again; said where it cannot."""
    found: list[Output] = []
    for number, name in ((1, "output"), (2, "errors")):
        place = f"/proc/{pid}/fd/{number}"
        try:
            target = os.readlink(place)  # noqa: PTH115 - its name for a person
            is_file = stat.S_ISREG(os.stat(place).st_mode)  # noqa: PTH116 - as above
            if not is_file:
                say(
                    f"process {pid} writes its {name} to {kind(target)}: what it wrote and writes there is not here"
                )
                continue
            output = Output(place)
        except OSError as error:
            say(f"the {name} of process {pid} cannot be read: {error.strerror}")
            continue
        if output.key not in [other.key for other in found]:
            found.append(output)
            say(f"process {pid} writes its {name} to {target}, which is followed here")
    return found


def moved(pid: int, known: set[tuple[int, int]]) -> list[Output]:
    """Files that it has turned its output to since: a script's ``exec >other``, a log that it rotates itself."""
    found: list[Output] = []
    for number in (1, 2):
        place = f"/proc/{pid}/fd/{number}"
        try:
            now = os.stat(place)  # noqa: PTH116 - small, as the keeper
            if not stat.S_ISREG(now.st_mode) or (now.st_dev, now.st_ino) in known:
                continue
            output, target = Output(place), os.readlink(place)  # noqa: PTH115 - its name for a person
        except OSError:
            continue  # it is ending
        known.add(output.key)
        found.append(output)
        say(f"process {pid} writes to {target} from now on, which is followed here")
    return found


def kind(target: str) -> str:
    """What an output is that cannot be read a second time."""
    for beginning, words in (
        ("pipe:", "a pipe"),
        ("socket:", "a socket"),
        ("/dev/null", "nowhere"),
        ("/dev/pts/", "a terminal"),
        ("/dev/tty", "a terminal"),
        ("/dev/console", "the container's console"),
    ):
        if target.startswith(beginning):
            return words
    return target


def open_process(pid: int, start: int) -> int:
    """A pidfd of this very process; -1 when it is gone, whoever has its pid now."""
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return -1
    if started(pid) == start:
        return pidfd
    os.close(pidfd)
    return -1


def weigh_nothing() -> None:
    """Jobs are the first to go when memory is short; this one is no gain to anybody."""
    with contextlib.suppress(OSError):  # no right to: it stays as it is
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, OOM_SCORE)
        finally:
            os.close(fd)


def follow(files: list[Output]) -> None:
    """What is new of all of them. One that fails is left, and said: the training is not over with its log."""
    for file in list(files):
        try:
            file.move()
        except OSError as error:
            files.remove(file)
            say(f"an output cannot be read any further: {error.strerror}")


def main(words: list[str]) -> int:
    weigh_nothing()
    living: dict[int, int] = {}  # pidfd: pid
    files: list[Output] = []
    known: set[tuple[int, int]] = set()
    for word in words:
        pid, start = (int(part) for part in word.split(":"))
        pidfd = open_process(pid, start)
        if pidfd < 0:
            say(f"process {pid} {ENDED}")
            continue
        living[pidfd] = pid
        files += [new for new in outputs(pid) if new.key not in known]
        known |= {file.key for file in files}
    poll = select.poll()
    for pidfd in living:
        poll.register(pidfd, select.POLLIN)
    while living:
        over = [pidfd for pidfd, _ in poll.poll(LOOK_S * 1000)]
        for pid in living.values():
            files += moved(pid, known)
        follow(files)
        for pidfd in over:
            poll.unregister(pidfd)
            os.close(pidfd)
            say(f"process {living.pop(pidfd)} {ENDED}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
