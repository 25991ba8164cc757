"""What an attempt leaves under the run folder: claims, the exit record, and the values a keeper is told.

Read and written by the keeper, which has 8 MB to live in: no dataclasses, no json, no typing, no pathlib
here. The record has one size; it is made before the job starts and overwritten in place, so a full disk cannot lose it.
"""

from __future__ import annotations

import os

RECORD = "exit"
PLAN = "plan"
FIFO = "fifo"
RECORD_SIZE = 1024
DETAIL_SIZE = 300
MARKER = "PODKEEP_ATTEMPT"  # the environment variable by which leftovers are found when we are no ancestor

# Signals by number whose "128 + n" from a shell means that a signal ended the program.
FATAL = {
    1: "HUP", 2: "INT", 3: "QUIT", 4: "ILL", 5: "TRAP", 6: "ABRT", 7: "BUS", 8: "FPE", 9: "KILL",
    10: "USR1", 11: "SEGV", 12: "USR2", 13: "PIPE", 14: "ALRM", 15: "TERM", 24: "XCPU", 25: "XFSZ", 31: "SYS",
}  # fmt: skip


class ExitRecord:
    """How far an attempt got and how it ended. ``state``: starting, running, exited (leftovers), ended."""

    __slots__ = (
        "begin", "cancelled", "detail", "ended_at", "ending", "exit_code", "nonce", "oom_before",
        "output_bytes", "pid", "reason", "signal", "start", "state", "unwritten",
    )  # fmt: skip

    def __init__(self) -> None:
        self.state = "starting"
        self.nonce = ""
        self.pid = 0  # of the training; 0: there was none yet
        self.start = 0  # its kernel start time
        self.begin = 0  # offset in the log at which the job's own output begins
        self.oom_before = -1  # the kernel's count of OOM kills when it started; -1: unreadable
        self.ending = ""  # cancel, hurry, full: why we are ending it
        self.cancelled = 0
        self.exit_code = -1  # -1: unknown
        self.signal = ""
        self.reason = ""
        self.output_bytes = 0
        self.unwritten = 0  # bytes that a full disk did not take
        self.ended_at = 0.0
        self.detail = ""

    def pack(self) -> bytes:
        """The record as exactly RECORD_SIZE bytes, with a sum by which a torn read is noticed."""
        self.detail = self.detail.replace("\n", " ").encode()[:DETAIL_SIZE].decode("utf-8", "ignore")
        body = "".join(f"{name}={getattr(self, name)}\n" for name in self.__slots__).encode()
        return (b"podkeep 1 %010d\n%s" % (sum(body), body)).ljust(RECORD_SIZE, b"\n")

    @classmethod
    def unpack(cls, data: bytes) -> ExitRecord | None:
        """The record in these bytes; None when they are torn or not a record of ours."""
        head, _, body = data.partition(b"\n")
        body = body.rstrip(b"\n") + b"\n"
        if head != b"podkeep 1 %010d" % sum(body):
            return None
        record = ExitRecord()
        for line in body.decode().split("\n")[:-1]:
            name, _, value = line.partition("=")
            if name in cls.__slots__:
                setattr(record, name, _like(getattr(record, name), value))
        return record


def _like(example: object, text: str) -> str | int | float:
    if isinstance(example, int):
        return int(text)
    return float(text) if isinstance(example, float) else text


def read_record(folder: str) -> ExitRecord | None:
    """The record of the attempt in ``folder``; None when there is none. Read again when torn."""
    for _ in range(100):
        try:
            with open(os.path.join(folder, RECORD), "rb", buffering=0) as file:
                data = file.read(RECORD_SIZE)
        except FileNotFoundError:
            return None
        record = ExitRecord.unpack(data)
        if record is not None:
            return record
    return None


class RecordFile:
    """The exit record's open file: made, filled and synced at once; written over in place from then on."""

    def __init__(self, folder: str, record: ExitRecord) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
        self.fd = os.open(os.path.join(folder, RECORD), flags, 0o600)
        self.record = record
        self.write()
        os.fsync(self.fd)

    def write(self) -> None:
        os.pwrite(self.fd, self.record.pack(), 0)


class Claim:
    """Who keeps an attempt: the newest of claim.1, claim.2, … Each appears once and whole: link(2), not O_EXCL."""

    __slots__ = ("generation", "pid", "start")

    def __init__(self, generation: int, pid: int, start: int) -> None:
        self.generation = generation
        self.pid = pid  # 0: void, taken by an agent so that a late keeper finds it taken
        self.start = start


def newest_claim(folder: str) -> Claim | None:
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return None
    generations = [int(name[6:]) for name in names if name.startswith("claim.") and name[6:].isdigit()]
    if not generations:
        return None
    with open(os.path.join(folder, f"claim.{max(generations)}"), "rb") as file:
        pid, start = file.read().split()
    return Claim(max(generations), int(pid), int(start))


def take_claim(folder: str, generation: int, pid: int, start: int) -> bool:
    """Claim the attempt; False when this generation of it is claimed already."""
    draft = os.path.join(folder, f".claim.{generation}.{os.urandom(4).hex()}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, b"%d %d\n" % (pid, start))
        os.link(draft, os.path.join(folder, f"claim.{generation}"))
    except FileExistsError:
        return False
    finally:
        os.close(fd)
        os.unlink(draft)
    return True


def judge(status: int | None, record: ExitRecord, *, spawn_failed: bool, oom_killed: bool) -> None:
    """Fill in how the command ended. ``status`` is what waitpid said; None: nobody knows."""
    if status is None:
        record.reason = "disk_full" if record.ending == "full" else "unknown"
        return
    code = os.waitstatus_to_exitcode(status)
    number = -code if code < 0 else code - 128  # a shell reports its command's death by a signal as 128 + n
    record.exit_code = 128 - code if code < 0 else code
    record.signal = FATAL.get(number, f"SIG{number}" if code < 0 else "")
    if spawn_failed:
        record.reason = "spawn_failed"
    elif record.ending == "full":
        record.reason = "disk_full"
    elif oom_killed and code != 0 and not record.ending:
        record.reason = "oom"
    else:
        record.reason = "signalled" if record.signal else "exited"


def pack(items: list[bytes]) -> bytes:
    """Byte strings as one, ended by a full stop, so that half of it is never taken for the whole."""
    return b"".join(b"%d:%s," % (len(item), item) for item in items) + b"."


def unpack(data: bytes) -> list[bytes] | None:
    """What ``pack`` was given; None when the end is missing."""
    items: list[bytes] = []
    at = 0
    while data[at : at + 1] != b".":
        colon = data.find(b":", at)
        if colon < 0:
            return None
        end = colon + 1 + int(data[at:colon])
        if data[end : end + 1] != b",":
            return None
        items.append(data[colon + 1 : end])
        at = end + 1
    return items


class Orders:
    """What the agent wrote in the attempt's folder: where, which signal, and how patient."""

    __slots__ = ("ballast", "full_s", "grace_s", "hurry_s", "leftover_s", "log", "pidfile", "signal")

    def __init__(self, data: bytes) -> None:
        items = unpack(data) or []
        told = dict(zip(items[::2], items[1::2], strict=True))
        self.log = told[b"log"]
        self.ballast = told[b"ballast"]
        self.pidfile = told[b"pidfile"]
        self.signal = int(told[b"signal"])
        self.grace_s = float(told[b"grace_s"])
        self.hurry_s = float(told[b"hurry_s"])
        self.leftover_s = float(told[b"leftover_s"])
        self.full_s = float(told[b"full_s"])
