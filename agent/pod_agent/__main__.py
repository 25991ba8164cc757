"""The program ``pod-agent``: reads the start command and the environment once, then lives. Nothing is decided here."""

from __future__ import annotations

import gc

gc.disable()  # until all is loaded (``later.settled``): modules are no garbage, and are not searched for it

import logging
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, NoReturn

from pod_agent.invocation import FIELDS, understand
from pod_agent.life import Life
from pod_agent.pod import marks
from pod_agent.run.attempt_plan import USUAL, Patience
from pod_agent.settings import Settings
from pod_agent.voice import Voice
from pod_wire.clock import RealClock
from pod_wire.errors import BadInput, PodError
from pod_wire.masker import Masker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pod_agent.invocation import Invocation

WRONG_USE, NOT_POSSIBLE = 2, 3  # as pod-client's
USAGE = f"""pod-agent: carries one job through its phases, then switches the pod off.

  pod-agent                         the job of the POD_* variables, or wait for one
  pod-agent run [options] -- cmd…   a one-shot job
  pod-agent cmd…                    the same
  pod-agent after PID…              look after a training that runs already
options: {" ".join(FIELDS)}
"""
TWO = (
    "podkeep: cannot begin here: an agent lives in this container already, as process {pid}.\n"
    "podkeep: write `pod-agent run …` as the whole start command, with what belongs before it in --setup; or let\n"
    "podkeep: `pod-client up` or `pod-agent after PID` give that agent the job\n"
)


class MaskedFormatter(logging.Formatter):
    """One line per state change, key=value; secrets are stars here too."""

    def __init__(self, masker: Masker) -> None:
        super().__init__("podkeep %(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
        self._masker = masker

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record).replace("\n", "\\n")
        return self._masker.mask(line.encode("utf-8", "replace")).decode("utf-8", "replace")


def to_stderr(line: bytes) -> None:
    left = memoryview(line)
    while left:
        left = left[os.write(2, left) :]


def look_after(words: Sequence[str], env: dict[str, str], invocation: Invocation) -> NoReturn:
    """``pod-agent after``: asks the agent that lives here, and ends; or else becomes the entrypoint of one."""
    from pod_agent import after, after_alone  # noqa: PLC0415 - no other agent needs them

    if words[:1] in (("-h",), ("--help",)):
        sys.stdout.write(after.USAGE)
        sys.exit(0)
    try:
        asked = after.read(words)
        names = after.targets(asked, after.ourselves())
        job = after.job_of(asked, names)
        agent = marks.agent(invocation.run_dir)
        if agent is None:
            kept, settings = after_alone.alone(job, env, invocation)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)  # who wants to sleep closes the terminal
            after_alone.become(names, kept, settings)
        to_stderr(f"podkeep: {after.hand_over(job, agent, invocation)}\n".encode())
    except PodError as error:
        lines = [error.message, *map(str, error.mistakes if isinstance(error, BadInput) else ()), error.hint]
        to_stderr("".join(f"podkeep: {line}\n" for line in lines if line).encode("utf-8", "replace"))
        sys.exit(WRONG_USE if isinstance(error, BadInput) else NOT_POSSIBLE)
    sys.exit(0)


def main(argv: Sequence[str] | None = None, patience: Patience = USUAL) -> None:
    words = sys.argv[1:] if argv is None else list(argv)
    if {"-h", "--help"} & {*words[:1], *(words[1:2] if words[:1] == ["run"] else ())}:
        sys.stdout.write(USAGE)
        return
    env = dict(os.environ)
    invocation = understand(words, env.get("PODKEEP_RUN_DIR"), env.get("PODKEEP_DISK_DIR"))
    if invocation.after is not None:
        look_after(invocation.after, env, invocation)
    if (other := marks.agent(invocation.run_dir)) is not None:
        to_stderr(TWO.format(pid=other).encode())
        sys.exit(NOT_POSSIBLE)
    settings = Settings.from_env(env, invocation, socket.gethostname())
    masker = Masker(settings.secrets)
    handler = Voice(to_stderr)
    handler.setFormatter(MaskedFormatter(masker))
    logger = logging.getLogger("podkeep")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    code = Life(settings, RealClock(), masker, patience).run()
    handler.flush()
    os._exit(
        code
    )  # taking the interpreter apart takes tenths of a second, of the five that a stopped pod has


if __name__ == "__main__":
    main()
