"""`why`: what holds a pod up, signal by signal, and when it stops. One screen, for somebody who is tired.

Only words and rows here; what they say was decided on the pod.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pod_client import holding, limits
from pod_client.ending import ask_status
from pod_client.exits import DONE
from pod_client.receipt import seconds
from pod_wire.codec import to_plain
from pod_wire.frozen import dataclass
from pod_wire.status import Phase

if TYPE_CHECKING:
    from pod_client.wiring import Target, Wiring
    from pod_wire.idle import IdleStatus, Sign
    from pod_wire.stall import StallStatus
    from pod_wire.status import Status

COLUMNS = ("SIGNAL", "STATE", "SINCE", "NOW", "BUSY FROM", "HOLDS UNTIL", "WHY")
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Times:
    """The pod's moments by this laptop's clock, which may be another than the pod's."""

    pod_now: float
    now: float

    def clock(self, moment: float) -> str:
        """14:32, with the day where it is not today."""
        here = self.now + moment - self.pod_now
        text = "%H:%M" if abs(here - self.now) < DAY_S / 2 else "%a %H:%M"
        return datetime.fromtimestamp(here).astimezone().strftime(text)

    def left(self, moment: float) -> str:
        return seconds(max(0.0, moment - self.pod_now))


def why(wiring: Wiring, target: Target, *, as_json: bool) -> int:
    """Ask the pod, and say it."""
    status = ask_status(wiring, target)
    wiring.remember(target.pod_id, status)
    if as_json:
        wiring.screen.document(document(target.pod_id, status))
        return DONE
    times = Times(status.now, wiring.clock.now())
    screen = wiring.screen
    screen.step(head(target.pod_id, status, times))
    if status.idle is None:
        screen.note("its agent is of an older podkeep and does not say more")
        return DONE
    screen.note(status.idle.because)
    screen.table(COLUMNS, rows(status, status.idle, times))
    for line in hints(target.pod_id, status, status.idle):
        screen.note(line)
    return DONE


def document(pod: str, status: Status) -> dict[str, object]:
    return {
        "format": 1,
        "id": pod,
        "now": status.now,
        "phase": status.phase,
        "stops_at": status.stops_at,
        "stops_because": status.stops_because,
        "deadline_at": status.deadline_at,
        "budget_at": status.budget_at,
        "price_per_hour": status.price_per_hour,
        "price_source": status.price_source,
        "idle": None if status.idle is None else to_plain(status.idle),
        "stall": None if status.stall is None else to_plain(status.stall),
    }


def head(pod: str, status: Status, times: Times) -> str:
    """What it does, and when it stops."""
    if status.phase is Phase.STOPPING:
        return f"pod {pod} is stopping: {status.stops_because or 'it was asked to'}"
    if status.stops_at is None:
        return f"pod {pod} is {status.phase}, and nothing stops it by itself"
    because = f" ({status.stops_because})" if status.stops_because else ""
    moment = f"in {times.left(status.stops_at)}, at {times.clock(status.stops_at)}"
    return f"pod {pod} is {status.phase}; if nothing more happens it stops {moment}{because}"


def rows(status: Status, idle: IdleStatus, times: Times) -> list[tuple[str, ...]]:
    """The job, each signal, each lease, the deadline, the budget."""
    works = status.phase not in {Phase.WAITING, Phase.FINISHED, Phase.STOPPING}
    name = f"job '{status.job.name}' " if status.job is not None else "it "
    told = f"{name}is {status.phase}." if works or status.job is not None else "There is no job."
    until = "while it lasts" if works else "-"
    found: list[tuple[str, ...]] = [
        ("job", "busy" if works else "idle", "-", status.phase.value, "any", until, told)
    ]
    found += _held(status, times)
    found += [_sign(sign, times) for sign in idle.signs]
    found += [
        (
            "kept",
            "busy",
            times.clock(keep.given_at),
            times.left(keep.until),
            "-",
            times.clock(keep.until),
            keep.because or "No reason was given.",
        )
        for keep in idle.keeps
    ]
    if status.stall is not None and status.stall.minutes > 0:
        found += _silence(status.stall, times)
    if status.deadline_at is not None:
        left, at = times.left(status.deadline_at), times.clock(status.deadline_at)
        found.append(("deadline", "-", "-", left, "-", "-", f"POD_MAX_HOURS ends it at {at}, whatever runs."))
    spent = limits.budget(status)
    if status.budget_at is not None or spent is not None:
        left = "-" if status.budget_at is None else times.left(status.budget_at)
        at = "" if status.budget_at is None else f"POD_MAX_COST ends it at {times.clock(status.budget_at)}: "
        words = f"{at}{spent or f'no more is paid for{limits.source(status)}'}."
        found.append(("budget", "-", "-", left, "-", "-", words))
    return found


def _held(status: Status, times: Times) -> list[tuple[str, ...]]:
    held = holding.of(status)
    if held is None:
        return []
    told = "The job failed before its first step: fix it and run `pod-client up` again."
    left, at = times.left(held.until), times.clock(held.until)
    return [("held", "busy", "-", left, f"{held.minutes:g} min", at, told)]


def _silence(stall: StallStatus, times: Times) -> list[tuple[str, ...]]:
    """The stall brake of a running job: each sign of life, and when their silence ends the attempt."""
    acts = "-" if stall.acts_at is None else times.clock(stall.acts_at)
    silent, limit = seconds(stall.silent_s), seconds(stall.minutes * 60)
    state = "silent" if stall.silent_s else "alive"
    rows: list[tuple[str, ...]] = [("stall", state, "-", silent, limit, acts, stall.because)]
    return rows + [
        (
            f"- {one.name}",
            one.state,
            "-" if one.since is None else times.clock(one.since),
            "-",
            "-",
            "-",
            one.because,
        )
        for one in stall.signs
    ]


def _sign(sign: Sign, times: Times) -> tuple[str, ...]:
    until = "-" if sign.holds_until is None else times.clock(sign.holds_until)
    since = "-" if sign.since is None else times.clock(sign.since)
    return (sign.name, sign.state, since, sign.value or "-", sign.limit or "-", until, sign.because)


def hints(pod: str, status: Status, idle: IdleStatus) -> list[str]:
    """What a person can do about it."""
    if status.phase is Phase.STOPPING:
        return []
    said = f"it waits {idle.minutes:g} minutes, {idle.human_minutes:g} after somebody was here (POD_IDLE_MINUTES)"
    keep = f"keep it: pod-client keep {pod} 2h --because '...'"
    end = f"; let it go: pod-client keep {pod} --end" if idle.keeps else ""
    return [*([said] if idle.minutes else []), f"{keep}{end}; stop it now: pod-client stop {pod}"]
