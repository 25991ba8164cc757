"""One agent with its bill, in virtual time and on real folders; and the same pod or another after a stop."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

from pod_agent.pod.price import Asked
from pod_agent.run.billing import Billing
from pod_agent.settings import Settings
from pod_wire.job import ExitPolicy, JobSpec
from tests.fakes.world import Act, Lifetime

JOB = JobSpec(
    "digits",
    "python train.py",
    resume="",
    max_restarts=3,
    on_finish=ExitPolicy.KEEP,
    on_failure=ExitPolicy.KEEP,
    max_cost=10.0,
)
HOUR, YEAR = 3600.0, 365 * 24 * 3600.0


class Silent:
    """A search that finds what it is told to."""

    def __init__(self, latest=None):
        self.latest = latest or Asked(reason="nobody was asked")
        self.begun = 0

    def begin(self):
        self.begun += 1


class Budgeted:
    """One agent with its bill; ``price`` as told, or None."""

    def __init__(self, world, job=JOB, *, price=1.0, search=None, **how):
        self.world = world
        world.acts = [Act(lasts=True)]
        self.agent = Lifetime(world, job, **how)
        self.agent.opening._on_boot = self._booted
        settings = Settings(pod_id="pod-a", disk_dir=world.root / "disk", price=price)
        self.search = search or Silent()
        self.bill = Billing(
            settings,
            world.clock,
            self.agent.supervisor,
            self.agent.folders,
            threading.Event(),
            search=self.search,
        )
        self.agent.begin()
        self.bill.tick()
        self.agent.pump()

    def _booted(self, boot, deadline):
        self.agent.supervisor.update(
            lambda facts: replace(facts, boot=boot.id, booted_at=boot.booted_at, deadline=deadline)
        )

    def later(self, seconds, pace=600.0):
        """So much time passes, with looks as they come."""
        while seconds > 0:
            step = min(pace, seconds)
            self.world.clock.advance(step)
            self.bill.tick()
            self.agent.supervisor.turn(None)
            self.agent.pump()
            seconds -= step
        return self

    @property
    def status(self):
        return self.agent.status

    @property
    def spent(self):
        return self.agent.supervisor.facts.bill.spent

    @property
    def kept(self):
        return json.loads((self.world.root / "disk" / "deadline.json").read_text())

    def texts(self, kind="warning"):
        return [entry["text"] for entry in self.agent.journal_kinds("digits") if entry["kind"] == kind]


def boots_again(world, job=JOB, hostname="h2", **how):
    """The pod was stopped and started: the container's disk is new, and so is its address."""
    for name in ("boot.json", "deadline.json"):
        (world.root / "disk" / name).unlink(missing_ok=True)
    return Budgeted(world, job, hostname=hostname, **how)
