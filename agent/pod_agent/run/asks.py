"""What somebody may ask of a running agent over HTTP, and the answer they get. Values only.

An ask is also an event of the lifecycle: ``machine`` decides on it, and its verdict becomes 202 or 409.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pod_wire.job import JobSpec


@dataclass(frozen=True, slots=True)
class GiveOrder:
    """Work on this job. ``order_id`` makes a repeated ask harmless."""

    spec: JobSpec
    order_id: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """End the named job; what it saved stays."""

    job: str


@dataclass(frozen=True, slots=True)
class Restart:
    """End the attempt of the named job and resume under the same order."""

    job: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop the pod now; a running job is cancelled first."""


Ask = GiveOrder | Cancel | Restart | Stop


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an ask was taken up, why (not), and what to do instead."""

    accepted: bool
    reason: str = ""
    remedy: str = ""
