"""What the user wants run: the frozen JobSpec. Parsing lives in parse.py, the table of variables in contract.py."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from enum import StrEnum

from pod_wire.frozen import dataclass


class ExitPolicy(StrEnum):
    """What the pod does with itself when a job has ended."""

    STOP = "stop"
    TERMINATE = "terminate"
    KEEP = "keep"
    AUTO = "auto"  # stop or terminate, whichever costs less and destroys nothing
    EXIT = "exit"  # outside RunPod: the agent ends, and with it the container


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A job, wholly. Built only by ``pod_wire.parse``; every field has been checked.

    Minutes and hours are as in the variable's name. Off are ``idle_minutes`` and ``stall_minutes`` 0, ``max_hours`` and
    ``max_cost`` None.
    """

    name: str
    command: str
    repo: str | None = None
    ref: str | None = None
    subdir: str = "."
    resume: str | None = None  # None: no way to resume; "" is one too (put back only)
    checkpoints: str | None = None  # glob below the code's folder; None: found by looking
    fresh: bool = False
    rehearse: bool = False
    requirements: str | None = (
        None  # package list below the command's folder; None: found by looking; "" none
    )
    setup: str | None = None  # bash text that runs in a new environment
    on_finish: ExitPolicy = ExitPolicy.STOP
    on_failure: ExitPolicy = ExitPolicy.STOP
    idle_minutes: float = 15.0
    max_hours: float | None = None
    max_cost: float | None = None  # dollars of the run, over all its boots and pods
    max_restarts: int = 0  # the parse fills in 3 where there is a way to resume
    signal: str = "TERM"
    ephemeral: bool = False
    hold_minutes: float = 0.0  # 0: the exit policy follows at once
    progress: str | None = None  # a pattern with named groups, or a command; None: read as usual
    stall_minutes: float = 60.0

    def spec_hash(self) -> str:
        """Sixteen hex digits that change when any field does.

        Fields at their default are left out: a newer podkeep that knows more fields must not take a finished job
        for another one.
        """
        told = {
            field.name: value
            for field in fields(self)
            if (value := getattr(self, field.name)) != field.default
        }
        text = json.dumps(told, sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
