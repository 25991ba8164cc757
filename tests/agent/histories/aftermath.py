"""What is found out after a job: who follows, and where its work lies. In the place of ``run.parting``, whose looks are

at a real machine; what is made of them is the product's own. Not here: what follows then (``deeds``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pod_agent.run import hold, leaving, snapshot
from pod_agent.run.left import Leave, Parting
from pod_wire import proof
from pod_wire.job import ExitPolicy
from pod_wire.proof import Estate, Keeps
from pod_wire.status import Outcome
from tests.agent.histories import due

if TYPE_CHECKING:
    from pod_agent.run.state import Job
    from tests.agent.histories.life import Agent

COME_S = 90.0  # for so long somebody may still be on the way
PRICE = 0.36


@dataclass(frozen=True, slots=True)
class Aftermath:
    """``comes_s``: when somebody follows; 0: does already; None: nobody ever does."""

    comes_s: float | None = None
    keeps: Keeps = Keeps.NETWORK
    disk_gb: float | None = None
    again_s: float | None = None


def part(agent: Agent, job: Job, after: Aftermath) -> Parting:
    """As the product finds it out; the world is told what was promised."""
    pod, supervisor = agent.pod, agent.supervisor
    assert supervisor is not None
    now, mono = pod.clock.now(), pod.clock.monotonic()
    first = snapshot.next_deadline(supervisor.state, supervisor.facts, now, mono)
    company = (
        hold.Company("somebody follows it") if after.comes_s == 0 else hold.Company(come_by=now + COME_S)
    )
    held = hold.begin(
        job,
        company,
        stepped=hold.has_stepped(job, None),
        now=now,
        mono=mono,
        most_s=None if first is None else first[0],
    )
    if held is not None:
        pod.comes_at = None if after.comes_s is None else pod.world.time.t + after.comes_s
        account = pod.world.watch.of(pod)
        due.parted(pod, account, job.order, job.spec.hold_minutes * 60.0, COME_S)
    return Parting(held, _leave(job, after))


def _leave(job: Job, after: Aftermath) -> Leave | None:
    ending = job.ending
    if ending is None or ending.outcome not in {Outcome.SUCCEEDED, Outcome.FAILED}:
        return None
    policy = job.spec.on_finish if ending.outcome is Outcome.SUCCEEDED else job.spec.on_failure
    if policy in {ExitPolicy.KEEP, ExitPolicy.EXIT}:
        return None
    estate = Estate(
        after.keeps, proof.made(len(job.attempts), job.checkpoint), may_be_lost=job.spec.ephemeral
    )
    numbers = leaving.Numbers(after.disk_gb, PRICE, after.again_s)
    return leaving.decide(policy, estate, numbers, is_braked=job.spec.idle_minutes > 0)
