"""What people do: typing over ssh, requests to what they serve, notebooks that execute. Pure.

Every sentence that people read of these signals is written here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.pod.idle.rates import size
from pod_agent.pod.idle.raw import Kernels
from pod_agent.pod.idle.signs import TYPED_LIMIT, Gap, Name, Reading, State, gap_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_agent.pod.idle.raw import Raw


def ssh(before: Raw, now: Raw) -> Reading:
    """Typing into any terminal, or an editor's traffic over ssh. A session that is only open is nothing."""
    typed = _typed(before, now)
    if typed:
        text = f"Somebody typed into a terminal ({', '.join(sorted(typed)[:3])})."
        return Reading(Name.SSH, State.BUSY, text, "input", "any input")
    rate = _ssh_rate(before, now)
    if rate is not None and rate >= TYPED_LIMIT:
        return Reading(
            Name.SSH, State.BUSY, "Somebody works over ssh.", f"{size(rate)}/s", f"{size(TYPED_LIMIT)}/s"
        )
    if isinstance(now.terminals, Gap):
        return gap_of(Name.SSH, now.terminals)
    if isinstance(before.terminals, Gap):
        return gap_of(Name.SSH, before.terminals)
    count = len(now.terminals)
    if not count:
        return Reading(Name.SSH, State.IDLE, "No terminal is open.", "no input", "any input")
    return Reading(Name.SSH, State.IDLE, _open(count), "no input", "any input")


def first_terminals(now: Raw) -> list[Reading]:
    """At the first look of an agent: only now the wall clock tells when somebody last typed."""
    if isinstance(now.terminals, Gap) or not now.terminals:
        return []
    ago = now.wall - max(now.terminals.values())
    if ago < 0:
        return []
    return [Reading(Name.SSH, State.IDLE, _open(len(now.terminals)), "no input", "any input", ago)]


def _open(count: int) -> str:
    return f"{count} terminal{'s are' if count > 1 else ' is'} open, and nobody types."


def _typed(before: Raw, now: Raw) -> set[str]:
    if isinstance(now.terminals, Gap) or isinstance(before.terminals, Gap):
        return set()
    return {name for name, at in now.terminals.items() if before.terminals.get(name) != at}


def _ssh_rate(before: Raw, now: Raw) -> float | None:
    got = _received(before, now, lambda port: port in now.roles.ssh_ports)
    return None if got is None else got / (now.at - before.at)


def _received(before: Raw, now: Raw, counts: Callable[[int], bool]) -> int | None:
    """Bytes that came in meanwhile over the connections to some ports."""
    if isinstance(now.connections, Gap) or isinstance(before.connections, Gap):
        return None
    total = 0
    for key, one in now.connections.items():
        if counts(one.port):
            known = before.connections.get(key)
            total += max(0, one.received - (known.received if known is not None else 0))
    return total


def services(before: Raw, now: Raw) -> Reading:
    """Requests to what people serve from this pod. Our own port and ssh's are not that."""
    if isinstance(now.connections, Gap):
        return gap_of(Name.SERVICES, now.connections)
    ours = now.roles.own_ports | now.roles.ssh_ports
    got = _received(before, now, lambda port: port not in ours)
    if got is None:
        return Reading(Name.SERVICES, State.UNKNOWN, "Connections could not be read a moment ago.")
    ports = sorted({one.port for one in now.connections.values() if one.port not in ours})
    if got:
        text = f"Requests come to port {', '.join(map(str, ports[:3]))}."
        return Reading(Name.SERVICES, State.BUSY, text, f"{size(got)}", "any request")
    text = (
        "Connections are open, and nothing is asked over them."
        if ports
        else "Nobody is connected to a service."
    )
    return Reading(Name.SERVICES, State.IDLE, text, "none", "any request")


def notebooks(now: Raw) -> Reading:
    if not isinstance(now.kernels, Kernels):
        return gap_of(Name.NOTEBOOKS, now.kernels)
    known, executing = now.kernels.known, now.kernels.executing
    many = "s" if known > 1 else ""
    if executing:
        text = f"{executing} of {known} notebook kernel{many} at work on a cell."
        return Reading(Name.NOTEBOOKS, State.BUSY, text, f"{executing} executing", "one")
    text = (
        f"{known} notebook kernel{'s wait' if known > 1 else ' waits'}." if known else "No notebook is open."
    )
    return Reading(Name.NOTEBOOKS, State.IDLE, text, "none", "one")
