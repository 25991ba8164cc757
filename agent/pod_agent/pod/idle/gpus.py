"""The GPUs as the looks at the machine saw them lately, for the brake: the driver is asked once for everybody.

Returns at once. Looks that have ended, or never began, are unknown. Not here: asking the driver (``pod.vitals``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.pod.idle.raw import UNREAD, Card, GpuReading
from pod_agent.pod.idle.signs import GPU_LIMIT, Gap, State
from pod_agent.pod.vitals.gpu_watch import AMD, UNASKED, WORDS
from pod_agent.pod.vitals.sample import OLD_S, Gpus

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_agent.pod.vitals.sample import Gpu, GpuReport, Sample
    from pod_agent.pod.vitals.sampler import Sampler
    from pod_wire.clock import Clock

SPAN_S = 30.0  # what was used since the brake looked last counts
NEVER = frozenset({AMD.words, WORDS["no_binding"]})  # it cannot be had on this pod
ENDED = Gap(State.UNKNOWN, "The looks at the machine have ended.")
LOST = Gap(State.UNKNOWN, "The driver does not tell of one of its GPUs.")


class Sampled:
    """A provider. ``pretended``: how many GPUs a simulated pod has, which compute nothing."""

    def __init__(
        self, sampler: Callable[[], Sampler | None], clock: Clock, *, pretended: int | None = None
    ) -> None:
        self._sampler = sampler
        self._clock = clock
        self._pretended = pretended

    def __call__(self) -> GpuReading | Gap:
        if self._pretended is not None:
            return GpuReading(tuple(Card(0.0) for _ in range(self._pretended)))
        sampler = self._sampler()
        return reading(() if sampler is None else sampler.recent, self._clock.monotonic())


def reading(samples: tuple[Sample, ...], now: float) -> GpuReading | Gap:
    """What the newest sample says, and of how busy they are the ones before it, too. Samples are oldest first."""
    if not samples:
        return UNREAD
    newest = samples[-1]
    if now - newest.monotonic > OLD_S:
        return ENDED
    if newest.gpus.state is not Gpus.SEEN:
        return _unseen(newest.gpus)
    lately = [one.gpus for one in samples if now - one.monotonic <= SPAN_S and one.gpus.state is Gpus.SEEN]
    cards = tuple(_card(gpu, lately) for gpu in newest.gpus.found)
    is_busy = any(card.busy is not None and card.busy >= GPU_LIMIT for card in cards)
    if not is_busy and any(gpu.fault is not None for gpu in newest.gpus.found):
        return LOST
    return GpuReading(cards)


def _unseen(report: GpuReport) -> GpuReading | Gap:
    if report == UNASKED:
        return UNREAD
    if report.state is Gpus.ABSENT:
        return GpuReading()
    state = State.ABSENT if report.words in NEVER else State.UNKNOWN
    return Gap(state, f"{report.words[:1].upper()}{report.words[1:]}.")


def _card(gpu: Gpu, lately: list[GpuReport]) -> Card:
    """Busy as in the second busiest second of late: whoever only looks at a GPU stirs it for a moment."""
    seconds = [
        one.utilization
        for report in lately
        for one in report.found
        if one.label == gpu.label and one.utilization is not None
    ]
    busy = sorted(seconds)[-2:][0] if seconds else None
    return Card(busy, gpu.memory_used_bytes, gpu.processes)
