"""Each promise can be broken: a part with a fault in it is put in, and the histories find it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pod_agent.pod.stop import StopLadder
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


class Believes(StopLadder):
    """Whoever says that he has stopped the pod is believed."""

    def run(self, is_over=lambda: False):  # noqa: ARG002 - of the real one
        self._before()
        self.climb()


class Sleeps(HandIdling):
    """Nobody looks, and the brake is always about to begin."""

    def start(self):
        self._supervisor.update(lambda facts: replace(facts, brake=None, brake_by=float("inf")))


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
