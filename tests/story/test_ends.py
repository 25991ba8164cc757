"""Cancel, stop and TERM at every moment of a job, on process pods and on containers: docs/ending.md comes true.

Three pods at a time, one for each of the three, come to the same moment; one alone hears TERM under the real five
seconds.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pod_agent.run.attempt_plan import USUAL
from tests import busy
from tests.conftest import machine_environment
from tests.live import Simulator, wait_for
from tests.story import ends
from tests.story.conftest import BACKENDS
from tests.story.ends import ASKS, MOMENTS, OURS, Cell, Moment
from tests.story.templates import JOB, TOKEN, TemplatePod, quick_python

pytestmark = pytest.mark.slow
LONG_S = 120.0  # thirty seconds for a job that does not listen, on a machine that is busy
IN_TIME_S = 2.4  # after two and a half seconds the agent leaves, and what is not written by then is not
BUSY_S = 20.0  # RunPod kills after five, which one pod at a time keeps; three on a busy machine are slower
KILL_S = USUAL.grace_s + USUAL.leftover_s  # a cancel, where nothing of the job ends when asked
SOON_S = 3.0  # a cancel, where it ends when asked, or where the agent is less patient
TRIES = 4  # on a machine that is overloaded all the time


class Ending:
    """One pod that is brought to a moment, asked, and looked at."""

    def __init__(self, simulator: Simulator, moment: Moment, env: dict[str, str], cell: Cell) -> None:
        volume = f"vol-{secrets.token_hex(4)}"
        self.moment, self.cell, self.simulator = moment, cell, simulator
        self.job = env.get("POD_JOB", JOB)
        mount = simulator.state / "volumes" / volume
        if "POD_FRESH" in env:
            ends.lay_checkpoints(mount)
        self.pod = TemplatePod.create(simulator, env, volume=volume)
        if moment.refuses:
            self.pod.faults(refuse_stop=True, graphql="refuse")

    # What it does

    def comes_to(self) -> None:
        """The moment is here."""
        moment, spoken = self.moment, self.pod.mount / "spoken"
        if "ends" in moment.env.get("POD_COMMAND", "").split():
            wait_for("words", lambda: spoken.exists() and b"word 20 of " in spoken.read_bytes())
            (self.pod.mount / "go").touch()

        def look() -> bool:
            status = self.pod.ask("/status")
            return bool(status) and moment.ready(status) and moment.says in self.log()

        self.waits("the moment", look)
        if moment.first:
            assert self.post(moment.first.format(job=self.job))[0] == 202
            wait_for("it was heard", lambda: b"asked\n" in self.log())

    def waits(self, what: str, look: Any) -> None:
        try:
            wait_for(what, look, LONG_S, every_s=0.02)
        except AssertionError as error:
            error.add_note(f"{self.pod.ask('/status')}\n{self.log()[-1000:]!r}\n{self.pod.console()[-3000:]}")
            raise

    def post(self, path: str) -> tuple[int, Any]:
        return self.simulator.call("POST", f"/proxy/{self.pod.id}/8787{path}", key=TOKEN)

    def is_asked(self, ask: str) -> tuple[int | None, str]:
        """The answer's status, and its reason."""
        if ask == "TERM":
            status, said = self.simulator.call("POST", f"/v2/pods/{self.pod.id}/action", {"action": "stop"})
            assert status == 200, said
            return None, ""
        path = "/stop" if ask == "stop" else f"/jobs/{self.job or 'none'}/cancel"
        status, said = self.post(path)
        (self.pod.mount / "enough").touch()  # what saves slowly has saved
        if self.moment.refuses:
            self.pod.faults(refuse_stop=False, graphql="ok")
        return status, str(said)

    # What it leaves

    def log(self) -> bytes:
        path = self.pod.left(self.job).folder / "log"
        return path.read_bytes() if path.exists() else b""

    def outcome(self) -> str | None:
        if not (self.pod.left(self.job).folder / "state.json").exists():
            return None
        ending = self.pod.left(self.job).state["ending"]
        return ending and ending["outcome"]

    def living(self) -> list[str]:
        """Processes of the job, by their command lines."""
        listed = self.simulator.call("GET", f"/sim/pods/{self.pod.id}/processes")[1]
        commands = [one["command"] for one in listed] if isinstance(listed, list) else []
        return [command for command in commands if OURS in command or "git" in command.split()[:1]]

    def assert_over(self, *, is_off: bool) -> None:
        """The pod is off, or its job has ended; nothing of the job lives."""
        if is_off:
            self.waits("the pod is off", lambda: self.simulator.is_off(self.pod.id))
            assert "agent=left code=0" in self.pod.console(), self.pod.console()[-3000:]  # nobody killed it
        else:
            resting = ("finished", "waiting", "stopping")
            self.waits("the job's end", lambda: (self.pod.ask("/status") or {}).get("phase") in resting)
        self.waits("nothing of it lives", lambda: not self.living())

    def assert_log_is_whole(self, *, in_haste: bool) -> None:
        """What the job said, the end of each attempt, and our last line; ``in_haste``: that one if it could."""
        log = self.log()
        spoken = self.pod.mount / "spoken"
        written = spoken.read_bytes() if spoken.exists() else b""
        said = {line for line in written.splitlines(keepends=True) if line.endswith(b"\n")}
        assert said <= set(log.splitlines(keepends=True)), sorted(said - set(log.splitlines(keepends=True)))[
            :5
        ]
        begun = len(re.findall(rb"^podkeep: attempt \d+ of run ", log, re.MULTILINE))
        assert log.count(b"\nEXIT_CODE=") == begun, log[-2000:]
        assert bool(begun) == self.moment.attempts
        said_last = [line for line in log.splitlines() if not self.moment.is_held or ends.HELD not in line]
        last = said_last[-1:] or [b""]
        if self.cell.outcome is not None and not in_haste:
            assert last[0].startswith(f"podkeep: {self.cell.outcome}: ".encode()), log[-500:]

    def assert_next_boot(self) -> None:
        """It goes on with the job, or waits."""
        before = self.log().count(b"\npodkeep: attempt ")
        status, said = self.simulator.call("POST", f"/v2/pods/{self.pod.id}/action", {"action": "start"})
        assert status == 200, said
        if not self.cell.goes_on:
            resting = ("waiting", "finished")
            self.waits("it waits", lambda: self._phase() in resting)
            assert self.log().count(b"\npodkeep: attempt ") == before
            assert self.outcome() == self.cell.outcome
            return
        busy = ("syncing", "installing", "restoring", "running")
        self.waits("it goes on", lambda: self._phase() in busy and self.outcome() is None)
        if self.moment.attempts:
            self.waits("the next attempt", lambda: self.log().count(b"\npodkeep: attempt ") > before)

    def _phase(self) -> str:
        status = self.pod.ask("/status") or {"phase": ""}
        return "" if status["phase"] == "waiting" and self.job and not status["job"] else status["phase"]

    def end(self) -> None:
        self.simulator.call("DELETE", f"/v2/pods/{self.pod.id}")


def tried(simulator: Simulator, row: str, ask: str, env: dict[str, str]) -> None:
    """One cell of the table."""
    cell = ends.cells(row)[ask]
    one = Ending(simulator, MOMENTS[row], env, cell)
    try:
        one.comes_to()
        began = time.monotonic()
        status, said = one.is_asked(ask)
        assert status == cell.status, said
        assert cell.reason in said, said
        one.assert_over(is_off=ask != "cancel")
        took = time.monotonic() - began
        assert took < _longest(ask, MOMENTS[row], env), took
        assert one.outcome() == cell.outcome
        one.assert_log_is_whole(in_haste=ask == "TERM" and took >= IN_TIME_S)
        if ask != "cancel":
            one.assert_next_boot()
    finally:
        one.end()


def _longest(ask: str, moment: Moment, env: dict[str, str]) -> float:
    """Seconds until all is over, as the page has them, with what a busy machine adds."""
    if ask == "cancel":
        return BUSY_S + (KILL_S if moment.is_quick and "PODKEEP_PYTHON" not in env else SOON_S)
    return BUSY_S if ask == "TERM" else LONG_S


def variables(moment: Moment, port: int) -> dict[str, str]:
    """The pod's; ``port`` is the silent server's."""
    env = {name: value.replace("{silent}", str(port)) for name, value in moment.env.items()}
    return {"POD_IDLE_MINUTES": "0", **env}


def test_the_page_and_the_moments_are_the_same():
    """Each row of docs/ending.md is come to somehow, and nothing is tried that the page does not promise."""
    assert ends.rows() == list(MOMENTS)


@pytest.fixture(scope="module", params=BACKENDS)
def unhurried(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Simulator]:
    """A RunPod that kills later than the real one: that all ends by itself is seen on a busy machine too."""
    options, env = ("--grace", "60"), machine_environment(tmp_path_factory.mktemp("home"))
    if request.param == "docker":
        options += request.getfixturevalue("container_options")
        env |= request.getfixturevalue("engine_variables")
    with Simulator.running(tmp_path_factory.mktemp("unhurried") / "state", env, *options) as running:
        yield running


@pytest.mark.parametrize("row", MOMENTS)
def test_cancel_stop_and_term(unhurried: Simulator, tmp_path: Path, request: pytest.FixtureRequest, row: str):
    """At this moment each of the three is answered, ends all of the job, and leaves record and log as promised."""
    is_process = request.node.callspec.params["unhurried"] == "process"
    moment = MOMENTS[row]
    with ends.silent() as port, ThreadPoolExecutor(len(ASKS)) as together:
        env = variables(moment, port)
        if moment.is_quick and is_process:
            env["PODKEEP_PYTHON"] = quick_python(tmp_path)
        begun = {ask: together.submit(tried, unhurried, row, ask, env) for ask in ASKS}
    for ask, future in begun.items():
        error = future.exception()
        if error is not None:
            error.add_note(f"{ask}: {row}")
            raise error


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """A RunPod that kills five seconds after TERM, as the real one does."""
    folder = tmp_path_factory.mktemp("hurried")
    with Simulator.running(folder / "state", machine_environment(folder / "home")) as running:
        yield running


@pytest.mark.parametrize("row", MOMENTS)
def test_term_leaves_time_to_spare(hurried: Simulator, row: str):
    """The agent has left by itself before RunPod kills; while the machine is overloaded, another pod may show it."""
    with ends.silent() as port:
        env = variables(MOMENTS[row], port)
        for left in reversed(range(TRIES)):
            watch = busy.Watch()
            try:
                tried(hurried, row, "TERM", env)
            except AssertionError:
                if watch.was_calm() or not left:
                    raise
            else:
                break
