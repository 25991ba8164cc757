"""A log is followed while its line is cut and its agent killed, over and over; in the end not a byte may differ.

Both the test and the soak (bench/log_cuts.py) are this, with other numbers.
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.live import PATIENCE_S, Simulator, wait_for
from tests.story.relay import Line
from tests.story.seen import JOB, Seen, note

if TYPE_CHECKING:
    import random

    from tests.story.conftest import Laptop

WRITER = Path(__file__).parents[1] / "programs" / "writes_lines.py"
TOKEN = "hf_abcabcabcXQ7uQ7uQ7uabcabc"
CALM_S = 5.5  # an agent that lived so long comes back at once


@dataclass(frozen=True, slots=True)
class Ordeal:
    """What is done to the follower."""

    lines: int = 400_000
    held_back: int = 120_000  # of these, a hundred a second until the rest is done: enough for twenty minutes
    seconds: float = 70.0
    cuts: int = 200
    kills: int = 20


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    printed: bytes
    log: bytes
    cuts: int
    kills: int
    reconnects: list[tuple[int, int]]  # offset asked for, and the log's end at that moment
    owed_at_kills: list[int]
    met: int  # cuts and kills after which the follower asked for more than nothing
    seconds: float  # that the writer wrote
    code: int


def masked(log: bytes) -> bytes:
    """As it may leave the pod: every byte of every occurrence of the token is a star. Slow and plain."""
    token, stars = TOKEN.encode(), bytearray(log)
    at = log.find(token)
    while at >= 0:
        stars[at : at + len(token)] = b"*" * len(token)
        at = log.find(token, at + 1)
    return bytes(stars)


@dataclass(slots=True)
class Follower:
    """The client that follows, the line it hangs on, and the pod."""

    program: subprocess.Popen[bytes]
    printed: Path
    line: Line
    pod: Seen
    rng: random.Random
    broken: int = 0  # requests for the log until the last cut or kill
    breaks: list[int] = field(default_factory=list)  # the same of each

    def flowing(self) -> None:
        """Wait until a new answer has brought some bytes; how many, is chance."""
        least = self.rng.randrange(1, 20_000)
        until = time.monotonic() + 0.5  # later on there may be fewer

        def look() -> bool:
            assert self.program.poll() is None, "the follower has ended"
            stream = self.line.stream(self.broken)
            wanted = least if time.monotonic() < until else 500
            return stream is not None and stream.passed_on > wanted

        wait_for("a stream that flows", look, every_s=0.005)

    def cut(self) -> None:
        """Cut at the proxy, amid what it says; what is under way is lost."""
        self.flowing()
        time.sleep(self.rng.uniform(0, 0.15))
        self._breaks()
        status, said = self.pod.simulator.call("POST", f"/sim/pods/{self.pod.id}/proxy", {"mode": "cut"})
        assert status == 200, said
        self.line.drop()

    def kill_agent(self) -> int:
        """SIGKILL for the agent; how many bytes were owed."""
        self.flowing()
        time.sleep(self.rng.uniform(0, 0.3))
        pid = wait_for("an agent", self.pod.agent)
        owed = wait_for("bytes that are owed", self._owed, every_s=0.001)
        self._breaks()
        self.pod.simulator.kill(self.pod.id, pid)
        return owed

    def _breaks(self) -> None:
        self.broken = len(self.line.asked)
        self.breaks.append(self.broken)

    def met(self) -> int:
        """After how many of them there was something that it had yet to get; on a slow machine it may have it all."""
        again = [self.line.asked[at] for at in self.breaks if at < len(self.line.asked)]
        return sum(one.offset < one.end for one in again)

    def _owed(self) -> int:
        return max(0, self.pod.log_size() - self.printed.stat().st_size)


def follow_through(laptop: Laptop, simulator: Simulator, ordeal: Ordeal, rng: random.Random) -> Outcome:
    """Start the writer on a pod, follow it, do all that is to be done, and let it end."""
    folder = laptop.repo.parent
    printed, told = folder / "printed", folder / "told"
    pods: list[Seen] = []
    port = int(simulator.url.rpartition(":")[2])
    with Line(port, lambda: pods[0].log_size() if pods else 0) as line:
        env = {
            **laptop.env,
            "RUNPOD_API_KEY": simulator.key,
            "POD_RUNPOD_URL": f"{simulator.url}/v2",
            "POD_PROXY_URL": f"http://127.0.0.1:{line.port}/proxy/{{pod}}/{{port}}",
            "HF_TOKEN": TOKEN,
        }
        words = f"--lines {ordeal.lines} --seconds {ordeal.seconds} --until /workspace/go"
        words += f" --held-back {ordeal.held_back}"
        command = (
            f"python3 - {words} <<'PROGRAM'\n{WRITER.read_text()}PROGRAM"  # a container sees no file of ours
        )
        argv = [str(Path(sys.executable).with_name("pod-client")), "up", "--job", JOB, "--env", "HF_TOKEN"]
        argv += [
            "--image",
            "local",
            "--agent",
            "image",
            "--gpu",
            "NVIDIA GeForce RTX 4090",
            "--command",
            command,
        ]
        with printed.open("wb") as out, told.open("wb") as err:
            program = subprocess.Popen(argv, env=env, cwd=folder, stdout=out, stderr=err)
        try:
            pods.append(Seen.of(simulator, lambda: program.poll() is not None and told.read_text()))
            follower = Follower(program, printed, line, pods[0], rng)
            follower.flowing()
            wait_for("something printed", lambda: printed.stat().st_size)  # else a cut may leave it at 0
            first = len(line.asked)
            cuts, owed = _do_all(follower, ordeal)
            follower.flowing()
            again = [(one.offset, one.end) for one in line.asked[first:]]
            (pods[0].disks / "mount" / "go").touch()
            code = program.wait(ordeal.seconds + PATIENCE_S)
        finally:
            if program.poll() is None:
                program.kill()
                program.wait()
                note(told.read_text()[-4000:])
    (attempt,) = pods[0].record()["attempts"]
    return Outcome(
        printed=printed.read_bytes(),
        log=pods[0].log(),
        cuts=cuts,
        kills=len(owed),
        reconnects=again,
        owed_at_kills=owed,
        met=follower.met(),
        seconds=attempt["ended_at"] - attempt["started_at"],
        code=code,
    )


def _do_all(follower: Follower, ordeal: Ordeal) -> tuple[int, list[int]]:
    """Cuts all the time; agents in pairs: one after a short life, one after a life that counts as calm."""
    cuts, owed = 0, []
    born = time.monotonic()
    while follower.met() < ordeal.cuts + ordeal.kills or len(owed) < ordeal.kills:
        life = CALM_S if len(owed) % 2 else follower.rng.uniform(0.2, 2.0)
        if len(owed) < ordeal.kills and time.monotonic() - born > life:
            owed.append(follower.kill_agent())
            follower.flowing()
            born = time.monotonic()
        follower.cut()
        cuts += 1
    return cuts, owed
