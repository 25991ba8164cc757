"""A failure as a value: its class, reason and remedy, and what another attempt needs. Nothing decides here."""

from __future__ import annotations

from enum import StrEnum

from pod_wire.frozen import dataclass


class Again(StrEnum):
    """What another attempt needs."""

    DONE = "done"  # none is needed
    FREELY = "freely"  # taken from outside, or unknown: tries left are enough
    WITH_PROGRESS = "with progress"  # its own failure: only past where it last began
    NEVER = "never"  # it would end the same way


class Kind(StrEnum):
    """The classes. Their words, remedies and retries are one table, ``retry.RULES``."""

    GPU_MEMORY = "gpu_memory"
    HOST_MEMORY = "host_memory"
    SHARED_MEMORY = "shared_memory"
    NAN = "nan"
    DRIVER = "driver"
    GPU_FAULT = "gpu_fault"
    NO_CUDA = "no_cuda"
    RANKS = "ranks"
    PORT = "port"
    DISK_FULL = "disk_full"
    QUOTA = "quota"
    LIMIT = "limit"
    LOGIN = "login"
    FORBIDDEN = "forbidden"
    GATED = "gated"
    NOT_ON_SERVER = "not_on_server"
    DNS = "dns"
    NETWORK = "network"
    SERVER = "server"
    IMPORT = "import"
    SYNTAX = "syntax"
    ARGUMENTS = "arguments"
    PROGRAM = "program"
    SHAPE = "shape"
    CHECKPOINT = "checkpoint"
    DAMAGED = "damaged"
    NO_FILE = "no_file"
    PERMISSION = "permission"
    ASSERTION = "assertion"
    EXCEPTION = "exception"
    CRASH = "crash"
    KILLED = "killed"
    TAKEN = "taken"
    LOST = "lost"
    STALLED = "stalled"
    NO_COMMAND = "no_command"
    NOT_EXECUTABLE = "not_executable"
    NOT_STARTED = "not_started"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Failure:
    """What an attempt failed of."""

    kind: Kind
    reason: str
    remedy: str
    again: Again
