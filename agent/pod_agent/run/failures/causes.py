"""Which of all that a log's end tells is the cause: of chained exceptions, several ranks, launchers and children.

Pure. What a training survived is no cause: whoever goes on with its steps afterwards had caught it.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from pod_agent.run.failures import exceptions, traces, words
from pod_agent.run.failures.failure import Kind
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_agent.run.failures.lines import Line
    from pod_agent.run.failures.traces import Chain, Raised
    from pod_agent.run.failures.words import Said

# Who only passes on that somebody else failed.
_WRAPPER = re.compile(
    r"ChildFailedError|CalledProcessError|ProcessRaisedException|ProcessExitedException|RemoteTraceback|_RemoteTraceback"
    r"|SignalException|RayTaskError\w*|PapermillExecutionError|ExceptionGroup|BaseExceptionGroup|SystemExit|BdbQuit"
    r"|UserCodeException|RayActorError|ProcessException|NonZeroExitCode"
)
# What is often only the echo of another failure: ranks that miss one that is gone, and errors without a class.
ECHOES = frozenset({Kind.RANKS, Kind.PORT, Kind.KILLED})
GENERAL = frozenset({Kind.EXCEPTION, Kind.ASSERTION, *ECHOES})
_RANKS = re.compile(r"ChildFailedError|torch[./]distributed|torchrun|local_rank|gloo|NCCL|\bworld[_ ]size\b")
# A library that knows its server says more than the status does.
_STATUS = frozenset({Kind.LOGIN, Kind.FORBIDDEN, Kind.SERVER, Kind.NOT_ON_SERVER})
_REFINED = {Kind.GATED: _STATUS, Kind.NOT_ON_SERVER: _STATUS}
STEPS = 2  # of a training that went on; one may be part of a message, or a bar that is closed
STEPS_OF_OTHERS = 3  # a rank may go so far after another one has failed


@dataclass(frozen=True, slots=True)
class Cause:
    """What the log tells: the class, and the exception or the line it was read from."""

    kind: Kind
    index: int
    raised: Raised | None = None
    said: Said | None = None
    rank: str = ""
    wrapper: Raised | None = None  # of a general exception: what was made of it
    is_wrapper: bool = False


def find(lines: tuple[Line, ...]) -> Cause | None:
    """The cause, as far as the lines tell one."""
    told = [_of_chain(chain) for chain in traces.read(lines)]
    said = [Cause(one.kind, one.index, said=one, rank=one.rank) for one in words.read(lines)]
    survived = _went_on(lines)
    told = [one for one in told if not survived(one)]
    said = [one for one in said if not survived(one)]
    own = [one for one in told if not one.is_wrapper]
    for one in reversed(said):
        if one.kind is Kind.DRIVER and (not own or _first(own).kind in {Kind.GPU_FAULT, *GENERAL}):
            return one
    listed = _of_said(said) if said else None
    if own and (listed is None or not _is_more(listed, _first(own))):
        return _first(own)
    if listed is not None:
        return listed
    return told[-1] if told else None


def _went_on(lines: tuple[Line, ...]) -> Callable[[Cause], bool]:
    """Whether the training went on after a cause: steps of its rank that were not told before it."""
    told = [(index, line.rank, step) for index, line in enumerate(lines) if (step := line.step) is not None]
    several = any(line.rank or _RANKS.search(line.text) for line in lines)
    enough = STEPS_OF_OTHERS if several else STEPS

    def has(cause: Cause) -> bool:
        before = {step for index, rank, step in told if index <= cause.index and rank == cause.rank}
        after = {step for index, rank, step in told if index > cause.index and rank == cause.rank} - before
        counted = Counter(whose for whose, _ in after)
        return any(count >= enough for count in counted.values())

    return has


def _first(found: list[Cause]) -> Cause:
    """Of each rank the last failure that is no echo, or the last; of these the first."""
    ranks: dict[str, list[Cause]] = {}
    for one in found:
        ranks.setdefault(one.rank, []).append(one)
    lasts = [([one for one in mine if one.kind not in ECHOES] or mine)[-1] for mine in ranks.values()]
    return min([one for one in lasts if one.kind not in ECHOES] or lasts, key=lambda one: one.index)


def _of_said(found: list[Cause]) -> Cause:
    """The last that tells why; a launcher that only lists its children counts less, and those it ended itself least."""
    told = [one for one in found if one.said is not None and not one.said.signal]
    children = [one for one in found if one.said is not None and one.said.signal not in {"", "TERM"}]
    return (told or children or found)[-1]


def _is_more(listed: Cause, first: Cause) -> bool:
    """Whether a launcher's list tells more than the exceptions: of a rank that was killed, which others only missed."""
    signal = listed.said.signal if listed.said is not None else ""
    return signal not in {"", "TERM"} and first.kind in ECHOES


def _of_chain(chain: Chain) -> Cause:
    """Which exception of a chain is the cause.

    What was raised *from* another says less than that one; what was raised while another was handled says more,
    unless it says nothing in particular.
    """
    raised = chain.raised
    own = [at for at, one in enumerate(raised) if not _WRAPPER.fullmatch(one.name)]
    if not own:
        return Cause(exceptions.kind_of(raised[-1]), chain.end, raised[-1], rank=chain.rank, is_wrapper=True)
    kinds = [exceptions.kind_of(one) for one in raised]
    best = own[-1]
    for at in reversed(own[:-1]):
        explicit = all(chain.explicit[at:best])
        if _is_better(kinds[at], kinds[best], explicit=explicit):
            best = at
    last = raised[own[-1]]
    wrapper = last if own[-1] != best and kinds[own[-1]] is Kind.EXCEPTION else None
    return Cause(
        kinds[best], chain.end, raised[best], rank=chain.rank, wrapper=wrapper, is_wrapper=chain.is_aside
    )


def _is_better(earlier: Kind, later: Kind, *, explicit: bool) -> bool:
    """Whether the earlier of two chained exceptions is rather the cause."""
    if earlier in _REFINED.get(later, frozenset()):
        return False
    if earlier in GENERAL and later not in GENERAL:
        return False
    return explicit or (later in GENERAL and earlier not in GENERAL)
