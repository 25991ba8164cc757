"""A run's journal as its boots: what was paid for in each, phase by phase, and how it ended. Pure.

Which boots there were is the ledger's to know; one that it lacks is taken from the journal, at a price not known.
Not here: the job's record, and totals (``account``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.progress.ledger import HOUR_S, Stay
from pod_wire.events import Entry, Kind
from pod_wire.frozen import dataclass
from pod_wire.receipt import BOOT, IDLE, BootTold, Spell
from pod_wire.status import Phase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pod_wire.status import PhaseTime

WAITED_S = 30.0  # a pod that waited so long for its job was idle; less belongs to its start
NEAR_S = 2.0  # the pod's start and its first entry may come from two clocks
_RESTING = frozenset({Phase.WAITING.value, Phase.FINISHED.value})


@dataclass(frozen=True, slots=True)
class Visit:
    """One boot with its part of the journal. ``end`` is the last sign of life."""

    stay: Stay
    entries: tuple[Entry, ...]
    end: float

    @property
    def paid(self) -> Stay:
        """The stay to its last sign of life: the ledger is written every quarter of a minute, the journal at once."""
        return replace(self.stay, seen_at=self.end)


def of_run(entries: Sequence[Entry], run: str, *, is_cut: bool = False) -> tuple[Entry, ...]:
    """The journal is the job's; each order in it names its run.

    ``is_cut``: only its end is here. What comes before the first order is then the run's, unless that order is of
    another one: a run that was left is not come back to.
    """
    first = next((entry for entry in entries if entry.kind == Kind.ORDER), None)
    found, is_mine = [], is_cut and (first is None or first.fields.get("run") == run)
    for entry in entries:
        if entry.kind == Kind.ORDER:
            is_mine = entry.fields.get("run") == run
        if is_mine:
            found.append(entry)
    return tuple(found)


def with_start(entries: Sequence[Entry], times: Sequence[PhaseTime]) -> tuple[Entry, ...]:
    """The end of a journal, and the phases before it as the job's record tells them."""
    return (*from_times([one for one in times if not entries or one.started_at <= entries[0].at]), *entries)


def from_times(times: Sequence[PhaseTime]) -> tuple[Entry, ...]:
    """What a job's record tells of its phases, where the journal cannot be read."""
    return tuple(Entry(one.started_at, Kind.PHASE, {"phase": one.phase.value}) for one in times)


def all_stays(stays: Sequence[Stay], entries: Sequence[Entry], run: str) -> tuple[Stay, ...]:
    """The run's, oldest first; with those that only the journal knows of."""
    known = {stay.boot for stay in stays}
    found: dict[str, Stay] = {}
    boot = ""
    for entry in entries:
        if entry.kind == Kind.ORDER:
            boot = str(entry.fields.get("boot") or "")
        if not boot or boot in known:
            continue
        old = found.get(boot) or Stay(run, "", boot, entry.at, entry.at)
        found[boot] = replace(old, seen_at=max(old.seen_at, entry.at))
    return tuple(sorted((*map(_by_moments, stays), *found.values()), key=lambda stay: stay.began_at))


def _by_moments(stay: Stay) -> Stay:
    """Its seconds are right whatever the wall clock did meanwhile: it began so long before it was seen last."""
    return replace(stay, began_at=stay.seen_at - stay.seconds, paid_s=None)


def visits(stays: Sequence[Stay], entries: Sequence[Entry]) -> tuple[Visit, ...]:
    """Each stay with what was written while it lasted. A boot's last phase ends with the boot."""
    found = []
    firsts = {str(one.fields.get("boot")): one.at for one in reversed(entries) if one.kind == Kind.ORDER}
    # By its own word, where there is one.
    begins = [firsts.get(stay.boot, stay.began_at - NEAR_S) for stay in stays]
    for place, stay in enumerate(stays):
        until = begins[place + 1] if place + 1 < len(stays) else None
        since = min(begins[place], stay.began_at - NEAR_S) if place == 0 else begins[place]
        inside = tuple(one for one in entries if since <= one.at and (until is None or one.at < until))
        end = max([stay.seen_at, *(one.at for one in inside)])
        found.append(Visit(stay, inside, end))
    return tuple(found)


def told(visit: Visit, *, lives: bool) -> BootTold:
    stay = visit.stay
    spells = _spells(visit)
    paid = sum(one.seconds for one in spells)
    return BootTold(
        boot=stay.boot,
        pod=stay.pod or None,
        gpu=stay.gpu,
        price_per_hour=stay.price,
        began_at=stay.began_at,
        seen_at=visit.end,
        dollars=_dollars(paid, stay.price),
        spells=spells,
        lives=lives,
        ending=_ending(visit.entries),
        stop=_last(visit.entries, Kind.STOP_REQUESTED, "because"),
    )


def total(boots: Sequence[BootTold]) -> tuple[Spell, ...]:
    """Each phase over all boots, in the order in which they were first met; being idle comes last."""
    found: dict[str, Spell] = {}
    for one in (spell for boot in boots for spell in boot.spells):
        old = found.get(one.phase, Spell(one.phase, 0.0, 0.0))
        both = None if old.dollars is None or one.dollars is None else round(old.dollars + one.dollars, 6)
        found[one.phase] = Spell(one.phase, round(old.seconds + one.seconds, 3), both)
    return tuple(sorted(found.values(), key=lambda one: one.phase in {IDLE, Phase.STOPPING}))


def _spells(visit: Visit) -> tuple[Spell, ...]:
    """Paid seconds by phase. A clock that was set back makes no negative ones."""
    spent: dict[str, float] = {}
    at, name = visit.stay.began_at, BOOT
    for entry in visit.entries:
        if entry.kind != Kind.PHASE:
            continue
        if name == BOOT:
            at = _after_waiting(entry, at, spent)
        spent[name] = spent.get(name, 0.0) + max(0.0, entry.at - at)
        phase = str(entry.fields.get("phase"))
        at, name = max(at, entry.at), IDLE if phase in _RESTING else phase
    spent[name] = spent.get(name, 0.0) + max(0.0, visit.end - at)
    price = visit.stay.price
    return tuple(Spell(name, round(span, 3), _dollars(span, price)) for name, span in spent.items())


def _after_waiting(entry: Entry, at: float, spent: dict[str, float]) -> float:
    """A pod that had waited long for this job was idle: those seconds are no part of its start."""
    waited = entry.fields.get("seconds")
    if entry.fields.get("from") != Phase.WAITING or not isinstance(waited, (int, float)) or waited < WAITED_S:
        return at
    span = min(float(waited), max(0.0, entry.at - at))
    spent[IDLE] = spent.get(IDLE, 0.0) + span
    return at + span


def _ending(entries: Sequence[Entry]) -> str | None:
    """How the job ended last, unless it was taken up again after that."""
    outcome, reason = None, None
    for entry in entries:
        if entry.kind == Kind.OUTCOME:
            outcome, reason = str(entry.fields.get("outcome") or ""), entry.fields.get("reason")
        elif entry.kind == Kind.PHASE and entry.fields.get("phase") not in {*_RESTING, Phase.STOPPING.value}:
            outcome = None
    if not outcome:
        return None
    return outcome.replace("_", " ") + (f": {reason}" if reason else "")


def _last(entries: Sequence[Entry], kind: Kind, name: str) -> str | None:
    found = [entry.fields.get(name) for entry in entries if entry.kind == kind]
    return str(found[-1]) if found and found[-1] else None


def _dollars(span: float, price: float | None) -> float | None:
    return None if price is None else round(span * price / HOUR_S, 6)
