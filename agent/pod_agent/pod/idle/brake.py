"""All that is known for the brake at one moment, as one value that is published whole; and the verdict on it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.pod.idle import judge, words
from pod_agent.pod.idle.memory import NEVER
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pod_agent.pod.idle.judge import Verdict
    from pod_agent.pod.idle.leases import Lease
    from pod_agent.pod.idle.memory import Memory
    from pod_wire.idle import IdleStatus


@dataclass(frozen=True, slots=True)
class Brake:
    """What is remembered of the signals, and the leases."""

    memory: Memory
    leases: tuple[Lease, ...] = ()
    began: float = NEVER  # this agent's own looking; what it has not seen in its first minute decides nothing

    def verdict(self, rest_since: float | None, minutes: float, mono: float) -> Verdict:
        over = [lease.over_at for lease in self.leases]
        return judge.judge(
            self.memory,
            rest_since=rest_since,
            minutes=minutes,
            leased_until=max(over, default=None),
            now=mono,
            began=self.began,
        )

    def left_s(self, verdict: Verdict, mono: float) -> float | None:
        return judge.left_s(verdict, max(self.memory.sampled_at, self.began), mono)

    def status(self, verdict: Verdict, phase: str, now: float, mono: float) -> IdleStatus:
        living = tuple(lease for lease in self.leases if lease.over_at > mono)
        return words.status(verdict, living, phase, words.Moment(now, mono))
