"""A receipt in words: its lines in order, each a name and a text. Pure; the laptop and the pod's files say the same.

What is not known is left out or said to be so, never told as 0. Not here: the page around it, the provider's bill.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pod_wire.figures import dollars, seconds, short, size
from pod_wire.receipt import BOOT, IDLE
from pod_wire.status import Outcome, Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_wire.receipt import BootTold, Receipt, Spell, Steps, Stop
    from pod_wire.status import Attempt, Rehearsal

Rows = list[tuple[str, str]]
MOST_BOOTS = 6
MOST_ATTEMPTS = 8
HERE = "here"  # the agent's word for where there is no pod's id
SHORT = 30  # a reason longer than this is not said twice
SET_UP = (BOOT, Phase.SYNCING, Phase.INSTALLING, Phase.RESTORING)
SHOWN_FROM_S = 0.05  # a phase shorter than this is 0.0 s
IDLE_FROM_S = 1.0  # less of an idle tail is no waste worth a word
_WORDS = {Phase.SYNCING.value: "code", Phase.DRAINING.value: "draining", Phase.STOPPING.value: "stopping"}
_ASKED = "asked to stop"


def rows(told: Receipt, clock: Callable[[float], str]) -> Rows:
    """Everything that is known, warnings last. ``clock`` says a moment in the reader's own time."""
    found: Rows = [("outcome", _outcome(told))]
    if told.remedy and told.outcome is not Outcome.SUCCEEDED:
        found.append(("remedy", told.remedy))
    found.append(("job", _job(told)))
    found += _boots(told, clock)
    found += _named("phases", [_spell(one, told) for one in told.phases if one.seconds >= SHOWN_FROM_S])
    found += _named("attempts", _attempts(told))
    found += _progress(told)
    if told.rehearsal is not None:
        found.append(("rehearsal", rehearsed(told.rehearsal)))
    found += _money(told)
    if told.stop is not None:
        found.append(("stop", _stop(told.stop)))
    elif told.outcome is Outcome.INTERRUPTED:
        found.append(
            ("stop", "not by podkeep: RunPod or a person took the pod; its next start goes on by itself")
        )
    if told.log_bytes is not None:
        found.append(("log", size(told.log_bytes)))
    found += _named("not known", list(told.unknown))
    found += [("warning", text) for text in dict.fromkeys(told.warnings)]
    return found


def rehearsed(told: Rehearsal) -> str:
    """What the rehearsal of resuming has shown so far."""
    state = told.state.value.replace("_", " ")
    return f"{state}: {told.text}" if told.text else state


def end_of(attempt: Attempt) -> str:
    """How an attempt ended; a number that the reason says already is not said twice."""
    code, reason = attempt.exit_code, attempt.reason
    if attempt.ended_at is None and code is None and attempt.signal is None:
        return "still running"
    if attempt.signal is not None:
        return reason or f"ended by signal {attempt.signal}"
    if code is None:
        return reason or "exit unknown"
    if code == 0 and (reason in {None, "exit code 0"}):
        return "exit 0"
    if not reason:
        return f"exit {code}"
    return reason if _says(reason, code) else f"{reason} (exit code {code})"


def _says(reason: str, code: int) -> bool:
    words = reason.lower().replace("(", " ").replace(")", " ").replace(",", " ").replace(":", " ").split()
    return any(
        words[place : place + 3] == ["exit", "code", str(code)]
        or words[place : place + 2] == ["exit", str(code)]
        for place in range(len(words))
    )


def _outcome(told: Receipt) -> str:
    if told.outcome is None:
        return f"none yet: the job is {told.phase.value}"
    return told.outcome.value.replace("_", " ") + (f": {told.reason}" if told.reason else "")


def _job(told: Receipt) -> str:
    run = f", run {told.run}" if told.run else ""
    return f"{told.job}{run}" + (f", code {short(told.commit)}" if told.commit else "")


def _named(name: str, texts: list[str]) -> Rows:
    """Several lines under one name."""
    return [(name if place == 0 else "", text) for place, text in enumerate(texts)]


# -- boots and phases -------------------------------------------------------------------------------------------


def _boots(told: Receipt, clock: Callable[[float], str]) -> Rows:
    """One line for each boot of each pod; a run that had but one says how it ended in ``outcome``."""
    if not told.boots:
        return []
    places = {_where(one) for one in told.boots}
    since = told.boots[0].began_at
    began = "" if since is None or len(told.boots) > 1 else f", from {clock(since)}"
    found: Rows = [("on", places.pop() + began)] if len(places) == 1 else []
    if len(told.boots) == 1:
        return found
    shown = told.boots[-MOST_BOOTS:]
    left = len(told.boots) - len(shown)
    texts = [f"{left} earlier ones"] * bool(left)
    is_over = told.outcome is not None
    for place, one in enumerate(shown, left + 1):
        texts.append(_boot(place, one, clock, is_told=bool(found), is_over=is_over))
    return [*found, *_named("boots", texts)]


def _where(one: BootTold) -> str:
    where = f"pod {one.pod}" if one.pod else "a pod not known"
    if one.pod == HERE:
        return "a machine that is no RunPod pod"
    gpu = f" with {one.gpu}" if one.gpu else ""
    price = f" at {dollars(one.price_per_hour)}/h" if one.price_per_hour is not None else ", price not known"
    return f"{where}{gpu}{price}"


def _boot(number: int, one: BootTold, clock: Callable[[float], str], *, is_told: bool, is_over: bool) -> str:
    text = f"{number} from {clock(one.began_at)}" if one.began_at is not None else str(number)
    text += "" if is_told else f", {_where(one)}"
    if one.seconds is not None:
        text += f", {seconds(one.seconds)}" + (
            f" ({dollars(one.dollars)})" if one.dollars is not None else ""
        )
    if one.lives and one.ending is None:
        return f"{text}: waits, with nothing of this job to do" if is_over else f"{text}: goes on"
    stop = f"stopped: {one.stop}" if one.stop else "it went down without a word"
    return f"{text}: {one.ending or stop}"


def _spell(one: Spell, told: Receipt) -> str:
    """`installing       34.2 s   $0.0042   requirements.txt, installed`, in columns."""
    cost = "-" if one.dollars is None else dollars(one.dollars)
    words = told.installed if one.phase == Phase.INSTALLING and told.installed else ""
    name = _WORDS.get(one.phase, one.phase)
    return f"{name:<11}{seconds(one.seconds):>12}  {cost:>8}  {words}".rstrip()


# -- attempts and progress --------------------------------------------------------------------------------------


def _attempts(told: Receipt) -> list[str]:
    known = {one.attempt: one for one in told.steps}
    shown = told.attempts[-MOST_ATTEMPTS:]
    left = len(told.attempts) - len(shown)
    return [f"{left} earlier ones"] * bool(left) + [
        _attempt(one, known.get(one.number), told.reason or "") for one in shown
    ]


def _attempt(one: Attempt, steps: Steps | None, above: str) -> str:
    text = f"{one.number} from the start"
    if one.resumed_from is not None:
        at = "" if one.resumed_step is None else f"step {one.resumed_step} "
        text = f"{one.number} from {at}({PurePosixPath(one.resumed_from).name})"
    if steps is not None and steps.last is not None:
        text += f" to step {steps.last}"
    if one.started_at is not None and one.ended_at is not None:
        text += f", {seconds(max(0.0, one.ended_at - one.started_at))}"
    is_above = (
        one.exit_code is not None and len(one.reason or "") > SHORT and above.startswith(one.reason or "")
    )
    return f"{text}: " + (f"exit code {one.exit_code}, for the reason above" if is_above else end_of(one))


def _progress(told: Receipt) -> Rows:
    found: Rows = []
    if told.step is not None:
        of = f" of {told.total}" if told.total else ""
        loss = "" if told.loss is None else f", loss {told.loss:.4g}"
        found.append(("progress", f"step {told.step}{of}{loss}"))
    if told.checkpoint is not None:
        place = told.checkpoint
        step = "" if place.step is None else f"step {place.step}, "
        found.append(("checkpoint", f"{place.path} ({step}{size(place.size_bytes)})"))
    return found


# -- money ------------------------------------------------------------------------------------------------------


def _money(told: Receipt) -> Rows:
    found: Rows = []
    if told.paid_s is not None:
        found.append(("paid", _paid(told)))
    if told.goodput is not None:
        found.append(("goodput", f"{told.goodput * 100:.0f} % of the paid time made new steps"))
    wasted = _wasted(told)
    return [*found, *([("wasted", "; ".join(wasted))] if wasted else [])]


def _paid(told: Receipt) -> str:
    if told.dollars is None:
        return f"{seconds(told.paid_s or 0.0)} of GPU time; the price is not known"
    least = "at least " if told.unpriced_s else ""
    cap = f", of {dollars(told.cap)} allowed" if told.cap is not None else ""
    text = f"{least}{dollars(told.dollars)} for {seconds(told.paid_s or 0.0)} of GPU time{cap}"
    return text + (f" ({seconds(told.unpriced_s)} at a price not known)" if told.unpriced_s else "")


def _wasted(told: Receipt) -> list[str]:
    """Set-up, steps made twice, the idle tail: seconds and dollars, largest causes in words."""
    found = []
    set_up = [one for one in told.phases if one.phase in SET_UP]
    if set_up:
        found.append(f"set-up {_cost(sum(one.seconds for one in set_up), told)}")
    redone, redone_s = sum(one.redone for one in told.steps), sum(one.redone_s for one in told.steps)
    if redone:
        word = "step" if redone == 1 else "steps"
        cost = f" {_cost(redone_s, told)}" if redone_s >= SHOWN_FROM_S else ""
        found.append(f"{redone} {word} made again{cost}")
    idle = sum(one.seconds for one in told.phases if one.phase in {IDLE, Phase.STOPPING})
    if idle >= IDLE_FROM_S:
        found.append(f"idle {_cost(idle, told)}")
    return found


def _cost(span: float, told: Receipt) -> str:
    """Seconds, and what they cost at the run's usual price."""
    priced = (told.paid_s or 0.0) - told.unpriced_s
    if told.dollars is None or priced <= 0:
        return seconds(span)
    return f"{seconds(span)} ({dollars(span * told.dollars / priced)})"


def _stop(told: Stop) -> str:
    who = "somebody asked for it" if told.because == _ASKED else f"podkeep asked: {told.because}"
    after = "" if told.after_s is None else f", {seconds(told.after_s)} after the training had ended"
    again = f"; {told.refusals} requests before had no effect" if told.refusals else ""
    return f"{who}{after}{again}"
