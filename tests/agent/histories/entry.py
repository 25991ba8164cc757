"""The entrypoint as entrypoint.sh has it: agents one after another, deaths counted over restarts, the last resort.

The shell's own loop is tested in test_entrypoint*.py; here its rules run in virtual time, and what the last resort
decides is its own code. Not here: the agent (``life``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pod_agent import last_resort
from tests.agent.histories.cloud import BY, WAYS
from tests.agent.histories.life import Agent
from tests.agent.histories.strands import Process
from tests.agent.histories.training import HURRY_S

if TYPE_CHECKING:
    from tests.agent.histories.host import Pod

KNOWN = re.compile(r"([1-9][0-9]{0,5}) ([1-9][0-9]{0,9}) ([1-9][0-9]{0,9})")
START_S = 0.3  # of an interpreter
KEEPER_S = 30.0


class Entrypoint(Process):
    """PID 1's child. Ends only after TERM."""

    def __init__(self, pod: Pod):
        super().__init__(f"entrypoint of {pod.id}")
        self._pod = pod
        self._time = pod.world.time
        self.agent: Agent | None = None
        self.is_termed = False
        self._delay = 1
        self._deaths, self._since = 0, 0
        self._began = 0.0

    def start(self) -> None:
        self._pod.disk.mkdir(parents=True, exist_ok=True)
        self._recall()
        self._spawn()

    def kill(self) -> None:
        """KILL to everything of the container."""
        if self.agent is not None:
            self.agent.end()
        self.end()

    def term(self) -> None:
        if self.is_termed:
            return
        self.is_termed = True
        if self.agent is not None and self.agent.is_alive:
            self.agent.term()
        else:
            self._leave()

    def _up(self) -> int:
        return int(self._pod.clock.monotonic())

    def _recall(self) -> None:
        """Deaths in a row, over restarts of the container."""
        try:
            found = KNOWN.fullmatch((self._pod.disk / "deaths").read_text().strip())
        except OSError:
            found = None
        if found is None:
            return
        deaths, since, last = (int(word) for word in found.groups())
        if since <= last and 0 <= self._up() - last < 300:
            self._deaths, self._since = deaths, since

    def _spawn(self) -> None:
        if not self.is_alive or self.is_termed:
            return
        self._began = self._pod.clock.now()
        self.agent = Agent(self._pod, self._over)
        self._time.later(START_S, self.agent.start)

    def _over(self, code: int) -> None:
        """An agent has ended, whatever of."""
        if not self.is_alive:
            return
        self.agent = None
        if self.is_termed:
            self._leave()
            return
        lasted = int(self._pod.clock.now()) - int(self._began)  # bash counts its SECONDS by the wall clock
        if lasted >= 5:
            self._delay, self._deaths = 1, 0
        if lasted >= 60:
            self._since = 0
        self._deaths += 1
        self._since = self._since or self._up()
        (self._pod.disk / "deaths").write_text(f"{self._deaths} {self._since} {self._up()}\n")
        self._pod.say(f"agent ended with {code}, death {self._deaths}")
        if self._deaths >= last_resort.FIRST or self._up() - self._since >= 600:
            self.begin(self._time, self._resort, self._pod.cloud.is_slow)
        else:
            self._pause()

    def _pause(self) -> None:
        self._time.later(self._delay / 4, self._spawn)
        self._delay = min(self._delay * 2, 120)

    def _resort(self) -> None:
        """One round of the last resort."""
        verdict = last_resort.decide(self._facts())
        self._pod.say(f"LAST RESORT: {verdict.why}")
        self._pod.world.watch.resorted(self._pod, verdict)
        if verdict.stop:
            ways = (*WAYS, *(way + BY for way in self._pod.cloud.by_second))
            for i in range(len(ways)):
                way = ways[(self._deaths - last_resort.FIRST + i) % len(ways)]
                if self._pod.cloud.ask(way, self._pod.clock.sleep) in {200, 409}:
                    break
        self._time.later(0.0, self._pause)

    def _facts(self) -> last_resort.Facts:
        """As ``gather`` has it, with this world's processes and uptime."""
        pod, job = self._pod, self._pod.asked.job
        boot = last_resort.record(pod.disk / "boot.json")
        spec = last_resort.dig(boot, "accepted", "spec")
        hours = None if job is None or job.max_hours is None else str(job.max_hours)
        if boot is None and hours is not None:  # then from the container's start, which /proc would tell
            deadline = pod.clock.wall + pod.booted_at + float(hours) * 3600
        else:
            deadline = last_resort.deadline(pod.disk, hours, pod.clock.now(), pod.clock.monotonic())
        policies = [
            last_resort.dig(spec, f"on_{end}")
            or (str(getattr(job, f"on_{end}")) if job is not None else None)
            for end in ("failure", "finish")
        ]
        minutes = last_resort.number(last_resort.dig(spec, "idle_minutes"))
        if minutes is None:
            minutes = last_resort.IDLE_MINUTES if job is None else job.idle_minutes
        return last_resort.Facts(
            pod=pod.id,
            training_lives=pod.trains,
            deadline=deadline,
            has_job=bool(spec) or job is not None,
            keep="keep" in policies,
            idle_minutes=minutes,
            idle_s=max(0.0, self._up() - self._since),
            now=pod.clock.now(),
            stopping=self._stopping(boot),
        )

    def _stopping(self, boot: object) -> object:
        was, name = last_resort.record(self._pod.disk / "stopping.json"), last_resort.dig(boot, "boot", "id")
        return last_resort.dig(was, "because") if name and name == last_resort.dig(was, "boot") else None

    def _leave(self) -> None:
        """After TERM: the keeper is told, and waited for; then PID 1 ends."""
        for one in self._pod.trainings.values():
            if one.is_alive and not one.is_asked:
                one.ask(HURRY_S, taken=True)
        self._wait(self._time.t + KEEPER_S)

    def _wait(self, until: float) -> None:
        if not self.is_alive:
            return
        if self._pod.trains and self._time.t < until:
            self._time.later(0.5, lambda: self._wait(until))
        else:
            self._pod.exited()
