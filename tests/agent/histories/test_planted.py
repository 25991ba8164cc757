"""Each promise can be broken: a part with a fault in it is put in, and the histories find it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pod_agent.pod.idle import leases
from pod_agent.pod.rest import Rest
from pod_agent.run import climbing
from pod_agent.run import events as e
from pod_agent.run.opening import Opening
from pod_agent.run.state import Ending
from pod_wire.orders import Verdict
from pod_wire.status import Outcome
from tests.agent.histories import history
from tests.agent.histories.idle import HandIdling
from tests.agent.histories.shrink import smaller
from tests.agent.histories.world import Wiring, play
from tests.tables import mostly_slow

MOST = 400  # seeds until it must have been found


class Forgets(Opening):
    """Every agent believes that the pod was just started."""

    def _settle(self):
        known = super()._settle()
        self.same_boot = False
        return replace(known, boot=replace(known.boot, id=f"{known.boot.id}x", booted_at=self._clock.now()))


class Remembers(Opening):
    """The deadline of the first boot counts in every later one."""

    def _open(self, *given, **named):
        event = super()._open(*given, **named)
        path = self._settings.workspace / f"{event.job.name}.deadline"
        if event.job.deadline is None:
            return event
        if not path.exists():
            path.write_text(str(event.job.deadline.at))
        return replace(
            event,
            job=replace(
                event.job,
                deadline=replace(
                    event.job.deadline, at=float(path.read_text()), **_no_mono(event.job.deadline)
                ),
            ),
        )


def _no_mono(deadline):
    return {"mono": None} if hasattr(deadline, "mono") else {}


class RunsAgain(Opening):
    """What is finished is taken for new."""

    def first(self):
        event = super().first()
        if isinstance(event, e.Opened) and event.verdict is Verdict.WAIT:
            return replace(event, verdict=Verdict.RUN, job=replace(event.job, ending=None))
        return event


class Recolours(Opening):
    """What has failed is told as a success later."""

    def first(self):
        event = super().first()
        job = getattr(event, "job", None)
        if (
            isinstance(event, e.Opened)
            and job is not None
            and job.ending is not None
            and job.ending.outcome is Outcome.FAILED
        ):
            return replace(event, job=replace(job, ending=Ending(Outcome.SUCCEEDED)))
        return event


class GivesUp(Opening):
    """What was interrupted is over."""

    def first(self):
        event = super().first()
        if isinstance(event, e.Opened) and event.verdict is Verdict.CONTINUE and not event.same_boot:
            return replace(
                event, verdict=Verdict.WAIT, job=replace(event.job, ending=Ending(Outcome.INTERRUPTED))
            )
        return event


class Believes:
    """Whoever says that he has stopped the pod is believed."""

    def __init__(self, *given, **named):
        self._real = climbing.ladder(*given, **named)

    def run(self):
        self._real._before()
        self._real.climb()


def forgotten(*given, **named):
    """A ladder of which nothing is kept."""
    made = climbing.ladder(*given, **named)
    made._keep = lambda _: None
    return made


class Ends(Opening):
    """A hold does not outlive its agent."""

    def first(self):
        event = super().first()
        if isinstance(event, e.Opened) and event.verdict is Verdict.WAIT:
            return replace(event, job=replace(event.job, held=None))
        return event


class Sleeps(HandIdling):
    """Nobody looks, and the brake is always about to begin."""

    def start(self):
        self._supervisor.update(lambda facts: replace(facts, brake=None, brake_by=float("inf")))


class Unbroken(Rest):
    """Rest counts from the first one of the boot, whatever was worked on since."""

    def began(self, boot, now):
        return self._read(boot) or super().began(boot, now)

    def ended(self):
        return


class Blind(HandIdling):
    """No sign of use is seen, of people neither."""

    def _publish(self, memory):
        super()._publish(replace(memory, tracks={}))


class Forgetful(HandIdling):
    """What an earlier agent was asked to keep is not read."""

    def booted(self, boot):
        (self._settings.disk_dir / leases.FILE).unlink(missing_ok=True)
        super().booted(boot)


FAULTS = {
    "a deadline forgotten at a restart": (Wiring(opening=Forgets), ("the deadline of", "order")),
    "a deadline that outlives its boot": (Wiring(opening=Remembers), ("is stopped too early",)),
    "a finished order taken for new": (Wiring(opening=RunsAgain), ("and attempt",)),
    "an outcome that changes": (Wiring(opening=Recolours), ("was failed, and is succeeded",)),
    "an interrupted order given up": (Wiring(opening=GivesUp), ("was interrupted, and does not go on",)),
    "a ladder that believes what it is told": (
        Wiring(ladder=Believes),
        ("stopping for", "asks nobody", "never stopped"),
    ),
    "a stop for idleness that comes too early": (
        Wiring(rest=Unbroken, idling=Blind),
        ("too early: its rest",),
    ),
    "a stop while somebody types": (Wiring(idling=Blind), ("too early: people",)),
    "a lease forgotten at a restart": (Wiring(idling=Forgetful), ("too early: a lease",)),
    "a hold that a restart ends": (Wiring(opening=Ends), ("it is held until",)),
    "a stop that ends with its agent": (Wiring(ladder=forgotten), ("nobody goes on with it",)),
    "a brake that never looks": (Wiring(idling=Sleeps), ("knows when the pod stops", "billed for nothing")),
}


@pytest.mark.parametrize("name", mostly_slow(FAULTS, "a brake that never looks"))
def test_the_histories_find(name, place):
    """Within so many of them, and what is left of the one that did is small."""
    wiring, words = FAULTS[name]
    for seed in range(MOST):
        told = history.make(seed)
        found = play(told, place, wiring)
        if found and any(word in found[-1] for word in words):
            told, found = smaller(told, found, lambda one: play(one, place, wiring))
            assert any(word in found[-1] for word in words)
            assert len(told.happenings) <= 6, told.lines()
            return
    pytest.fail(f"{MOST} histories did not find {name}")
