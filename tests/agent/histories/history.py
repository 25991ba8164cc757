"""A history as a value: what happens to the pods of one volume and when, made from a seed. Readable, and shrinkable.

Fates of attempts and steps are lists that are taken in turn, so that leaving an event out changes no dice.
Not here: playing it (``world``).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, fields, replace

from pod_agent.pod.brakes import Deadline
from pod_wire.job import ExitPolicy, JobSpec
from pod_wire.proof import Keeps
from tests.agent.histories.aftermath import Aftermath
from tests.agent.histories.cloud import MODES, WAYS
from tests.agent.histories.deeds import Step
from tests.agent.histories.training import Fate

# A clock set back before an agent died buys hours where a deadline is kept by the wall clock alone.
CAN_GO_BACK = "mono" in {one.name for one in fields(Deadline)}
POLICIES = (ExitPolicy.STOP, ExitPolicy.STOP, ExitPolicy.STOP, ExitPolicy.KEEP)
RARE = (ExitPolicy.AUTO, ExitPolicy.AUTO, ExitPolicy.TERMINATE)
KINDS = {  # what happens, and how often beside the rest
    "boot": 14,
    "off": 2,
    "kill": 5,
    "touch": 6,
    "break": 2,
    "crash": 5,
    "term": 2,
    "jump": 4,
    "hang": 3,
    "routes": 5,
    "reads": 2,
    "order": 6,
    "cancel": 1,
    "restart": 1,
    "stop": 1,
    "keep": 2,
    "people": 1,
}


AT_REST = {  # the same for pods that have little to do, and are asked to stay
    "boot": 3,
    "kill": 10,
    "touch": 4,
    "crash": 4,
    "term": 2,
    "jump": 3,
    "hang": 1,
    "routes": 2,
    "order": 7,
    "stop": 1,
    "keep": 12,
    "people": 3,
}


@dataclass(frozen=True, slots=True)
class Happening:
    """One event. What its fields mean is ``kind``'s to say."""

    at: float
    kind: str
    pod: int = 0
    number: float = 0.0
    job: JobSpec | None = None
    order: str | None = None
    modes: tuple[str, ...] = ()
    wiped: bool = False
    moved: bool = False
    address: bool = False

    def words(self) -> str:
        told = [
            f"{name}={value}"
            for name in ("number", "order", "modes", "wiped", "moved", "address")
            if (value := getattr(self, name))
        ]
        job = "" if self.job is None else f" job={self.job}"
        return f"{self.at:9.1f} {self.kind} pod {self.pod} {' '.join(told)}{job}"


@dataclass(frozen=True, slots=True)
class History:
    seed: int
    happenings: tuple[Happening, ...]
    fates: tuple[Fate, ...]
    steps: tuple[Step, ...]
    pods: int = 1
    drain_s: float = 0.5
    partings: tuple[Aftermath, ...] = (Aftermath(),)
    by_second: tuple[str, ...] = ()  # what the ways to stop do with POD_STOP_KEY, where there is one

    def lines(self) -> list[str]:
        return [
            f"history of seed {self.seed}: {self.pods} pod(s), draining takes {self.drain_s} s",
            *(f"  fate: {fate.words()}" for fate in self.fates),
            f"  a second key: {' '.join(self.by_second) or 'none'}",
            *(f"  after a job: {one}" for one in self.partings),
            *(f"  step: {step.ends} after {step.seconds:.0f} s" for step in self.steps),
            *(one.words() for one in self.happenings),
        ]


def make(seed: int) -> History:
    """The history of this seed."""
    dice, more = random.Random(seed), random.Random(f"more of {seed}")
    pods = 2 if dice.random() < 0.15 else 1
    rests = more.random() < 0.35
    jobs = [_job(dice, name) for name in ("digits", "digits", "other")]
    jobs = [_after(more, _at_rest(more, job) if rests else job) for job in jobs]
    orders = _Orders(dice, jobs)
    happenings = [_boot(dice, 0.0, 0, orders, is_first=True)]
    at = 0.0
    for _ in range(dice.randint(3, 14)):
        at = (
            at + more.choice((more.uniform(0.1, 60), more.uniform(60, 600)))
            if rests
            else _when(dice, at, happenings)
        )
        happenings.append(_happening(dice, at, pods, orders, AT_REST if rests else KINDS))
    if any(
        one.moved for one in happenings
    ):  # both signs lost, in two crashes: no boot is known by anything then
        happenings = [replace(one, address=False) for one in happenings]
    fates = tuple(_fate(dice) for _ in range(4))
    if rests:
        fates = tuple(replace(fate, lasts_s=more.uniform(0.1, 120)) for fate in fates)
    steps = tuple(_step(dice) for _ in range(7))
    drain_s = dice.choice((0.2, 0.5, 5.0, 90.0))
    partings = tuple(_aftermath(more) for _ in range(4))
    by_second = tuple(more.choice(MODES) for _ in WAYS) if more.random() < 0.3 else ()
    return History(seed, tuple(happenings), fates, steps, pods, drain_s, partings, by_second)


def _when(dice: random.Random, at: float, happenings: list[Happening]) -> float:
    """Soon, later, or about the moment of a deadline that has been set: there most can go wrong."""
    ends = [
        one.at + one.job.max_hours * 3600 for one in happenings if one.job is not None and one.job.max_hours
    ]
    near = [end for end in ends if end > at]
    if near and dice.random() < 0.35:
        return max(at, min(near) + dice.uniform(-20, 100))
    spans = (dice.uniform(0.1, 5), dice.uniform(1, 60), dice.uniform(30, 900), dice.uniform(300, 5400))
    return at + dice.choice(spans)


class _Orders:
    """Orders that were given, and the next one."""

    def __init__(self, dice: random.Random, jobs: list[JobSpec]):
        self._dice = dice
        self._jobs = jobs
        self._given: tuple[list[tuple[JobSpec, str | None]], ...] = ([], [])

    def next(self, pod: int) -> tuple[JobSpec, str | None]:
        """The last once more, an earlier one, or a new one; some environments have no id. Ids are of one pod."""
        given = self._given[pod]
        if given and self._dice.random() < 0.5:
            return given[-1] if self._dice.random() < 0.8 else self._dice.choice(given)
        order = None if self._dice.random() < 0.2 else f"o{len(given) + 1}{'ab'[pod]}"
        given.append((self._dice.choice(self._jobs), order))
        return given[-1]

    def posted(self, pod: int) -> tuple[JobSpec, str]:
        job, order = self.next(pod)
        return job, order or f"p{len(self._given[pod])}{'ab'[pod]}"


def _job(dice: random.Random, name: str) -> JobSpec:
    return JobSpec(
        name,
        f"python train.py {dice.randint(1, 9)}",
        resume="" if dice.random() < 0.7 else None,
        max_restarts=dice.choice((0, 3)),
        max_hours=dice.choice((None, 0.05, 0.2, 0.5, 1.0, 2.0)),
        idle_minutes=dice.choice((2.0, 5.0, 15.0, 15.0, 0.0)),
        on_finish=dice.choice(POLICIES),
        on_failure=dice.choice(POLICIES),
    )


def _at_rest(more: random.Random, job: JobSpec) -> JobSpec:
    """One after which its pod mostly stays for a while."""
    ends = (ExitPolicy.KEEP, ExitPolicy.KEEP, ExitPolicy.STOP)
    return replace(
        job,
        idle_minutes=more.choice((2.0, 5.0, 5.0, 15.0)),
        on_finish=more.choice(ends),
        on_failure=more.choice(ends),
    )


def _after(more: random.Random, job: JobSpec) -> JobSpec:
    """What may follow its end."""
    if more.random() < 0.4:
        job = replace(job, hold_minutes=more.choice((2.0, 10.0, 30.0)))
    if more.random() < 0.2:
        job = replace(job, on_finish=more.choice(RARE), on_failure=more.choice(RARE))
    return job


def _aftermath(more: random.Random) -> Aftermath:
    return Aftermath(
        comes_s=more.choice((None, 0.0, 0.0, 5.0, 60.0, 200.0)),
        keeps=more.choice(tuple(Keeps)),
        disk_gb=more.choice((None, 5.0, 500.0)),
        again_s=more.choice((None, 20.0, 3000.0)),
    )


def _boot(dice: random.Random, at: float, pod: int, orders: _Orders, *, is_first: bool = False) -> Happening:
    if dice.random() < 0.08 and is_first:
        return Happening(at, "boot", pod)
    job, order = orders.next(pod)
    return Happening(at, "boot", pod, job=job, order=order)


def _happening(  # noqa: C901 - one arm for each kind
    dice: random.Random, at: float, pods: int, orders: _Orders, kinds: dict[str, int]
) -> Happening:
    kind = dice.choices(list(kinds), list(kinds.values()))[0]
    pod = dice.randrange(pods)
    plain = Happening(at, kind, pod)
    match kind:
        case "boot":
            return _boot(dice, at, pod, orders)
        case "touch":
            return replace(plain, number=dice.choice((dice.randint(0, 12), dice.randint(0, 80))))
        case "break":
            return replace(plain, number=dice.choice((1, 3, 8, 30)))
        case "crash":
            return _crash(dice, plain)
        case "jump":
            size = dice.choice((30.0, 600.0, 3600.0, 86_400.0))
            sign = dice.choice((-1, 1))
            return replace(plain, number=size * (sign if CAN_GO_BACK else 1))
        case "hang" | "people":
            return replace(plain, number=dice.choice((2.0, 6.0, 30.0, 200.0, 1500.0)))
        case "routes":
            return replace(plain, modes=_modes(dice))
        case "reads":
            return replace(plain, modes=(dice.choice(("works", "refused", "hangs")),))
        case "order":
            job, order = orders.posted(pod)
            return replace(plain, job=job, order=order)
        case "keep":
            return replace(plain, number=dice.choice((0.0, 120.0, 1800.0, 7200.0)))
        case _:
            return plain


def _crash(dice: random.Random, plain: Happening) -> Happening:
    """Where everything by which a boot is known is lost at once, nothing can be known: that is not asked."""
    wiped, moved = dice.random() < 0.5, dice.random() < 0.4
    return replace(plain, wiped=wiped, moved=moved, address=not moved and not wiped and dice.random() < 0.3)


def _modes(dice: random.Random) -> tuple[str, ...]:
    if dice.random() < 0.3:
        return (dice.choice(MODES),) * len(WAYS)
    return tuple(dice.choice(MODES) for _ in WAYS)


def _fate(dice: random.Random) -> Fate:
    lasts = dice.choice((dice.uniform(0.1, 3), dice.uniform(5, 300), dice.uniform(300, 9000), None))
    code, signal = dice.choice(((0, None), (0, None), (1, None), (137, "KILL"), (None, None)))
    obeys = dice.choice((0.2, 1.0, 1.0, 25.0, 100.0, None)) if dice.random() < 0.5 else 1.0
    return Fate(lasts, code, signal, dice.random() < 0.5, obeys)


def _step(dice: random.Random) -> Step:
    ends = dice.choices(("well", "fails", "silent", "dead"), (30, 1, 1, 1))[0]
    return Step(dice.choice((0.2, 1.0, 5.0, 120.0)), ends)
