"""What goes wrong on purpose: reading the bodies of the fault routes. Account key only; RunPod has none of this."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pod_sim.bodies import read_object
from pod_sim.checks import Checker
from pod_sim.fleet import FOR_EVER
from pod_sim.problems import invalid

if TYPE_CHECKING:
    from pod_sim.record import Faults

PROXY_MODES = ("ok", "buffer", "404", "524")
CUT = "cut"  # not a mode: cuts what is open now, once


@dataclass(frozen=True, slots=True)
class Kill:
    """A signal for a process, by its pid inside the pod."""

    pid: int
    signal: int


def read_kill(raw: bytes) -> Kill:
    check = Checker(read_object(raw))
    check.only("pid", "signal")
    check.needs("pid")
    pid = check.whole("pid", minimum=1)
    number = check.whole("signal", minimum=1) if check.has("signal") else 9
    _done(check)
    return Kill(pid or 0, number or 9)


def read_crash(raw: bytes, faults: Faults) -> Faults:
    check = Checker(read_object(raw or b"{}"))
    check.only("layer", "started_at")
    layer = check.choice("layer", "kept", "wiped") or "kept"
    started_at = check.choice("started_at", "kept", "moved") or "kept"
    _done(check)
    return replace(faults, crash_layer=layer, crash_started_at=started_at)


def read_proxy(raw: bytes) -> tuple[str, tuple[int, ...] | None]:
    """The mode; of a cut, the bytes of requests after which they are to be cut, or None for now."""
    check = Checker(read_object(raw))
    check.only("mode", "after")
    check.needs("mode")
    mode = check.choice("mode", *PROXY_MODES, CUT)
    after = check.wholes("after", minimum=1) if check.has("after") else None
    if after is not None and mode != CUT:
        check.wrong("after", "is for cuts")
    _done(check)
    return mode or "ok", after


def read_faults(raw: bytes, faults: Faults) -> Faults:
    check = Checker(read_object(raw))
    check.only("refuse_stop", "refuse_read", "graphql", "cluster")
    refuse_read = check.flag("refuse_read") if check.has("refuse_read") else faults.refuse_read
    graphql = check.choice("graphql", "ok", "refuse") if check.has("graphql") else faults.graphql
    cluster = check.text("cluster") if check.has("cluster") else faults.cluster
    refuse_stop: int | None = faults.refuse_stop
    if check.has("refuse_stop"):
        wish = check.body["refuse_stop"]
        refuse_stop = (
            (FOR_EVER if wish else 0) if isinstance(wish, bool) else check.whole("refuse_stop", minimum=0)
        )
    _done(check)
    return replace(
        faults,
        refuse_stop=refuse_stop or 0,
        refuse_read=refuse_read or False,
        graphql=graphql or "ok",
        cluster=cluster or "",
    )


def _done(check: Checker) -> None:
    if check.errors:
        raise invalid(check.errors)
