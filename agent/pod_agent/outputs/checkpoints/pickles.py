"""Reads pickles without unpickling: their end, and the few plain values at their top.

No class is looked up and nothing is called, so a pickle can do nothing; what it may cost is bounded.
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints.candidate import NotWhole
from pod_agent.outputs.checkpoints.machine import Machine
from pod_agent.outputs.checkpoints.opcodes import DOES

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_READ = 8 << 20  # a longer one's step is not asked for
_MOST_OPCODES = 1_000_000
STEPS = (
    "global_step",
    "global_steps",
    "step",
    "iter_num",
    "iteration",
    "iter",
    "num_steps",
    "steps",
    "epoch",
    "epochs_run",
)
_BELOW = "meta"  # OpenMMLab's


class TooLong(Exception):
    """More opcodes than anybody wants to follow."""


def load(data: bytes) -> object:
    """The plain values of one pickle."""
    return run(Machine(io.BytesIO(data), len(data)))


def run(machine: Machine, most: int = _MOST_OPCODES) -> object:
    """Follow one pickle to its STOP, where the file then stands. Raises NotWhole where it is cut, or no pickle."""
    machine.stack, machine.marks, machine.memo = [], [], {}
    try:
        return _follow(machine, most)
    except (ArithmeticError, LookupError, ValueError, struct.error, AttributeError, TypeError) as error:
        raise NotWhole(f"its pickle is damaged: {type(error).__name__}") from None


def _follow(machine: Machine, most: int) -> object:
    read, stack, does = machine.file.read, machine.stack, DOES.get
    for _ in range(most):
        act = does(code := read(1))
        if act is not None:
            act(machine, stack, read)
        elif code == b".":
            return stack.pop()
        else:
            raise NotWhole("its pickle is damaged" if code else "its pickle has no end")
    raise TooLong


def step_in(value: object) -> int | None:
    """The step at the top of a checkpoint's dictionary, or in its ``meta``, by the names that trainers give it."""
    if not isinstance(value, dict):
        return None
    step = _named(value)
    below = value.get(_BELOW)
    return _named(below) if step is None and isinstance(below, dict) else step


def _named(values: Mapping[object, object]) -> int | None:
    told = {name.lower(): number for name, number in values.items() if isinstance(name, str)}
    for name in STEPS:
        number = told.get(name)
        if isinstance(number, bool):
            continue
        if isinstance(number, int) or (isinstance(number, float) and number.is_integer()):
            return int(number)
    return None
