"""The lifecycle as one table: in which phase which event leads where, and what is then to be done. Pure.

``step(state, event, now)`` gives the next state and the commands. Every event in every state has an answer: a row of
``TABLE``, or else an ask is refused (409) and anything else is noted. The rows' deeds are in ``moves``; the diagram in
docs/lifecycle.md is printed from the table. Not here: doing anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pod_agent.run import afterwards, exits, moves, opened, stalls
from pod_agent.run import events as e
from pod_agent.run.asks import Cancel, GiveOrder, Restart, Stop
from pod_agent.run.commands import Command, Note
from pod_agent.run.situation import agreed, refused
from pod_wire.frozen import dataclass
from pod_wire.status import Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_agent.run.situation import Result, State

W, S, I, R = Phase.WAITING, Phase.SYNCING, Phase.INSTALLING, Phase.RESTORING  # noqa: E741 - read as a table
RUN, D, F, X = Phase.RUNNING, Phase.DRAINING, Phase.FINISHED, Phase.STOPPING
STEPS = (S, I, R)
BEFORE_DRAIN = (S, I, R, RUN)
ANY = tuple(Phase)
OF_AN_ATTEMPT = (
    e.AttemptStarted,
    e.AttemptUnclaimed,
    e.AttemptEnded,
    e.Stalled,
    e.StallTold,
    e.StallLasts,
)

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. ``to`` lists every other phase the deed may lead to; ``step`` holds it to that."""

    sources: tuple[Phase, ...]
    event: type
    to: tuple[Phase, ...]
    words: str
    deed: Callable[[State, e.Event, float], Result]


def row(
    sources: tuple[Phase, ...],
    event: type[E],
    to: tuple[Phase, ...],
    words: str,
    deed: Callable[[State, E, float], Result],
) -> Row:
    def typed(state: State, given: e.Event, now: float) -> Result:
        if not isinstance(given, event):
            raise TypeError(f"cannot apply the row of {event.__name__} to {type(given).__name__}")
        return deed(state, given, now)

    return Row(sources, event, to, words, typed)


ROWS: tuple[Row, ...] = (
    row((W, F), GiveOrder, (S,), "order given", moves.accept),
    row(ANY, e.Given, (), "orders of before", moves.given),
    row((W,), e.NothingToDo, (), "nothing to do", moves.nothing_to_do),
    row((W, S), e.Opened, (S, RUN, D, F), "folder is ours", opened.opened),
    row((W, S), e.OpenFailed, (D,), "cannot begin", opened.open_failed),
    row((S,), e.Synced, (I,), "tree is there", moves.synced),
    row((I,), e.Installed, (R,), "environment is there", moves.installed),
    row((R,), e.Restored, (RUN, D), "checkpoints looked at", moves.restored),
    row(STEPS, e.StepFailed, (D,), "step failed or silent", moves.step_failed),
    row(STEPS, e.StepCancelled, (D,), "step ended unasked", moves.step_lost),
    row(BEFORE_DRAIN, e.Unfit, (D,), "pod unfit", moves.unfit),
    row((RUN,), e.AttemptStarted, (), "attempt lives", moves.attempt_started),
    row((RUN,), e.AttemptUnclaimed, (S, D), "never claimed", moves.attempt_unclaimed),
    row((RUN,), e.AttemptEnded, (D,), "attempt ended", moves.attempt_ended),
    row((RUN,), e.PauseOver, (R, S), "pause over", moves.pause_over),
    row((W,), e.Overdue, (), "folder does not open", moves.overdue),
    row((S, RUN), e.Overdue, (D,), "folder or attempt overdue", moves.overdue),
    row((*STEPS, D), e.BecameWhole, (), "checkpoint", moves.became_whole),
    row((RUN,), e.BecameWhole, (D,), "rehearsal: it began again", moves.became_whole),
    row((RUN,), Restart, (), "restart", moves.restart),
    row(BEFORE_DRAIN, Cancel, (D,), "cancel", exits.cancel),
    row(BEFORE_DRAIN, Stop, (D,), "stop asked", exits.stop_busy),
    row((D,), Stop, (), "stop asked", exits.stop_draining),
    row((W, F), Stop, (X,), "stop asked", exits.stop_idle),
    row((X,), Stop, (), "stop asked", exits.stop_again),
    row(BEFORE_DRAIN, e.DeadlinePassed, (D,), "deadline", exits.deadline_busy),
    row((D,), e.DeadlinePassed, (), "deadline", exits.deadline_draining),
    row((W, F), e.DeadlinePassed, (X,), "deadline", exits.deadline_idle),
    row(BEFORE_DRAIN, e.Nearing, (), "limit is near", moves.nearing),
    row((W, F), e.IdleTooLong, (X,), "idle too long", exits.idle),
    row((RUN,), e.Stalled, (), "stalled", stalls.stalled),
    row((RUN,), e.StallTold, (), "its stacks are told", stalls.told),
    row((RUN,), e.StallLasts, (D,), "stalled, cannot be killed", stalls.lasts),
    row(BEFORE_DRAIN, e.OwnerLost, (D,), "another pod owns the folder", exits.owner_lost),
    row(BEFORE_DRAIN, e.Termed, (D,), "TERM to the pod", exits.termed_busy),
    row((D,), e.Termed, (), "TERM to the pod", exits.termed_draining),
    row((W, F, X), e.Termed, (), "TERM to the pod", exits.termed_idle),
    row((D,), e.AttemptStarted, (), "attempt lives", exits.attempt_started),
    row((D,), e.AttemptEnded, (), "attempt ended", exits.attempt_ended),
    row((D,), e.AttemptUnclaimed, (), "never claimed", exits.attempt_unclaimed),
    row((D,), e.StepCancelled, (), "step ended", exits.step_over),
    row((D,), e.StepFailed, (), "step ended", exits.step_over),
    row((D,), e.Synced, (), "step ended", exits.step_over),
    row((D,), e.Installed, (), "step ended", exits.step_over),
    row((D,), e.Restored, (), "step ended", exits.step_over),
    row((D,), e.Opened, (), "folder is ours", exits.opened),
    row((D,), e.OpenFailed, (), "cannot begin", exits.open_failed),
    row((D,), e.Drained, (F,), "drained", exits.drained),
    row((D,), e.DrainOverdue, (F,), "drain's time is up", exits.drain_overdue),
    row((F,), e.AttemptStarted, (), "attempt lives", exits.attempt_started),
    row((F, X), e.AttemptEnded, (), "attempt ended late", exits.ended_late),
    row((F, X), e.AttemptUnclaimed, (), "never claimed", exits.ended_late),
    row((F,), e.Settle, (X,), "exit policy", exits.settle),
    row((W, F), e.WasStopping, (X,), "an earlier agent was stopping it", afterwards.was_stopping),
    row((F,), e.Followed, (), "somebody follows", afterwards.followed),
    row((F,), e.HoldOver, (X,), "hold over", afterwards.hold_over),
    row((X,), e.StopRefused, (), "still here, louder", exits.stop_refused),
    row(ANY, e.Warned, (), "warning", moves.warn),
)

TABLE: dict[tuple[Phase, type], Row] = {
    (source, line.event): line for line in ROWS for source in line.sources
}


def step(state: State, event: e.Event, now: float) -> Result:
    """The next state and what to do. Raises only where the table contradicts itself, which tests rule out."""
    line = TABLE.get((state.phase, type(event)))
    if line is None or _is_of_another_attempt(state, event) or _is_of_another_order(state, event):
        return state, (_refusal(state, event),)
    after, commands = line.deed(state, event, now)
    if after.phase is not state.phase and after.phase not in line.to:
        raise AssertionError(f"{line.words!r} led from {state.phase} to {after.phase}, not in {line.to}")
    return after, commands


def _is_of_another_attempt(state: State, event: e.Event) -> bool:
    """News of an attempt that is over, or of another job's: late, and not to be believed."""
    if not isinstance(event, OF_AN_ATTEMPT):
        return False
    current = state.job.open_attempt if state.job is not None else None
    return current is None or current.number != event.number


def _is_of_another_order(state: State, event: e.Event) -> bool:
    """A folder that opened after it was given up, while another order was taken up; or a verdict on its pod."""
    if state.job is None:
        return False
    if isinstance(event, e.Unfit):
        return event.order != state.job.order
    return isinstance(event, (e.Opened, e.OpenFailed)) and event.job.order != state.job.order


def _refusal(state: State, event: e.Event) -> Command:
    """An event that has no row here: an ask gets the reason, the rest a line in the agent's log."""
    match event:
        case GiveOrder(_, order) if state.job is not None and order == state.job.order:
            return agreed("this order was accepted before")
        case GiveOrder(_, order) if order in state.given:
            return agreed(moves.OLDER)
        case GiveOrder():
            return refused(
                f"the pod is {state.phase}" + (f" with job {state.job.name!r}" if state.job else ""),
                "wait until it is finished, or cancel it first",
            )
        case Cancel() | Restart():
            return refused(*_why_not(state))
        case _:
            return Note(f"event={type(event).__name__} phase={state.phase} answer=ignored")


def _why_not(state: State) -> tuple[str, str]:
    if state.job is None:
        return "there is no job", "give one: pod-client up, or POST /jobs"
    match state.phase:
        case Phase.DRAINING:
            return "the job is ending already", "wait until it is finished"
        case Phase.FINISHED | Phase.STOPPING | Phase.WAITING:
            return "the job is over", "to run it again, give a new order: pod-client up, or POST /jobs"
        case _:
            return f"the job is {state.phase}, not running yet", "cancel it, or wait until it runs"


def diagram() -> str:
    """The table as a mermaid state diagram, one line per pair of phases."""
    words: dict[tuple[Phase, Phase], list[str]] = {}
    for line in ROWS:
        for source in line.sources:
            for target in line.to or ((source,) if len(line.sources) == 1 else ()):
                said = words.setdefault((source, target), [])
                if line.words not in said and (source is not target or not line.to):
                    said.append(line.words)
    arrows = [f"    {a} --> {b}: {' / '.join(said)}" for (a, b), said in words.items() if said]
    return "\n".join(["stateDiagram-v2", "    [*] --> waiting", *arrows, "    stopping --> [*]"]) + "\n"
