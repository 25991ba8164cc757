"""When a job runs again: the rule table of orders, as data in one place, and the one function that reads it.

Not here: accepting an order while another job runs (the agent's machine answers that).
"""

from __future__ import annotations

import secrets
from enum import StrEnum
from typing import Final

from pod_wire.frozen import dataclass
from pod_wire.status import Outcome


class Verdict(StrEnum):
    """What the agent does with the job it finds in its environment and on its disk."""

    RUN = "run"  # as newly ordered; it still resumes by job name
    CONTINUE = "continue"  # what was begun goes on
    WAIT = "wait"  # nothing to do; the idle watchdog counts


class Cause(StrEnum):
    """Why the question is asked."""

    FIRST = "first"  # nothing is known of an earlier order
    NEW_ORDER = "new_order"  # an order id that was never accepted
    NEW_SPEC = "new_spec"  # the environment's spec changed since the last look
    SAME_BOOT = "same_boot"  # the container restarted
    NEW_BOOT = "new_boot"  # the pod was stopped and started


@dataclass(frozen=True, slots=True)
class Past:
    """The last accepted order of this pod.

    ``spec_hash`` is the hash of the *environment's* spec when that order was accepted (not of a job that came by
    POST), so that a posted job stands until the environment changes. ``accepted`` holds every id ever accepted.
    """

    order: str | None
    spec_hash: str
    outcome: Outcome | None  # None: unfinished
    same_boot: bool
    accepted: tuple[str, ...] = ()


_R, _C, _W = Verdict.RUN, Verdict.CONTINUE, Verdict.WAIT
_FINISHED: Final = "a finished job stays finished when the container restarts"
_AGAIN: Final = "to run it again, give a new order: pod-client up, or POST /jobs"

TABLE: Final[dict[tuple[Cause, Outcome | None], tuple[Verdict, str]]] = {
    (Cause.NEW_ORDER, None): (_R, "a new order came"),
    (Cause.NEW_ORDER, Outcome.SUCCEEDED): (_R, "a new order came"),
    (Cause.NEW_ORDER, Outcome.FAILED): (_R, "a new order came"),
    (Cause.NEW_ORDER, Outcome.CANCELLED): (_R, "a new order came"),
    (Cause.NEW_ORDER, Outcome.INTERRUPTED): (_R, "a new order came"),
    (Cause.NEW_ORDER, Outcome.TIMED_OUT): (_R, "a new order came"),
    (Cause.NEW_SPEC, None): (_R, "the environment asks for another job than before"),
    (Cause.NEW_SPEC, Outcome.SUCCEEDED): (_R, "the environment asks for another job than before"),
    (Cause.NEW_SPEC, Outcome.FAILED): (_R, "the environment asks for another job than before"),
    (Cause.NEW_SPEC, Outcome.CANCELLED): (_R, "the environment asks for another job than before"),
    (Cause.NEW_SPEC, Outcome.INTERRUPTED): (_R, "the environment asks for another job than before"),
    (Cause.NEW_SPEC, Outcome.TIMED_OUT): (_R, "the environment asks for another job than before"),
    (Cause.SAME_BOOT, None): (_C, "the container restarted before the job was finished"),
    (Cause.SAME_BOOT, Outcome.SUCCEEDED): (_W, f"{_FINISHED}; {_AGAIN}"),
    (Cause.SAME_BOOT, Outcome.FAILED): (_W, f"{_FINISHED}; {_AGAIN}"),
    (Cause.SAME_BOOT, Outcome.CANCELLED): (_W, f"{_FINISHED}; {_AGAIN}"),
    (Cause.SAME_BOOT, Outcome.INTERRUPTED): (_C, "the container was taken from under the job and came back"),
    (Cause.SAME_BOOT, Outcome.TIMED_OUT): (_W, f"{_FINISHED}; {_AGAIN}"),
    (Cause.NEW_BOOT, None): (_C, "the pod went down before the job was finished"),
    (Cause.NEW_BOOT, Outcome.SUCCEEDED): (_W, f"the job has succeeded; {_AGAIN}"),
    (Cause.NEW_BOOT, Outcome.FAILED): (_W, f"the job has failed; {_AGAIN}"),
    (Cause.NEW_BOOT, Outcome.CANCELLED): (_W, f"the job was cancelled; {_AGAIN}"),
    (Cause.NEW_BOOT, Outcome.INTERRUPTED): (_C, "the job was interrupted when the pod went down"),
    (Cause.NEW_BOOT, Outcome.TIMED_OUT): (_C, "the job ran into its limit on an earlier boot"),
}


def cause(past: Past | None, order: str | None, spec_hash: str) -> Cause:
    """Why we look. An order id that was accepted before counts as none."""
    if past is None:
        return Cause.FIRST
    if order is not None and order != past.order and order not in past.accepted:
        return Cause.NEW_ORDER
    if spec_hash != past.spec_hash:
        return Cause.NEW_SPEC
    return Cause.SAME_BOOT if past.same_boot else Cause.NEW_BOOT


def decide(past: Past | None, order: str | None, spec_hash: str) -> tuple[Verdict, str]:
    """Whether the job of the environment runs, goes on or waits, and why in words."""
    why = cause(past, order, spec_hash)
    if past is None or why is Cause.FIRST:
        return Verdict.RUN, "the first order of this pod"
    return TABLE[why, past.outcome]


def known_by_its_job(outcome: Outcome) -> tuple[Verdict, str]:
    """An order that is new to this pod, not to its job's folder: another pod carried it out, or a record is lost."""
    return TABLE[Cause.NEW_BOOT, outcome]


def new_order_id() -> str:
    """Sixteen hex digits that nobody had before."""
    return secrets.token_hex(8)
