"""The program ``pod-agent``: reads the start command and the environment once, then lives. Nothing is decided here."""

from __future__ import annotations

import logging
import os
import socket
import sys
from typing import TYPE_CHECKING

from pod_agent.invocation import FIELDS, understand
from pod_agent.life import Life
from pod_agent.run.attempt_plan import USUAL, Patience
from pod_agent.settings import Settings
from pod_agent.voice import Voice
from pod_wire.clock import RealClock
from pod_wire.masker import Masker

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE = f"""pod-agent: carries one job through its phases, then switches the pod off.

  pod-agent                         the job of the POD_* variables, or wait for one
  pod-agent run [options] -- cmd…   a one-shot job
  pod-agent cmd…                    the same
options: {" ".join(FIELDS)}
"""


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


def main(argv: Sequence[str] | None = None, patience: Patience = USUAL) -> None:
    words = sys.argv[1:] if argv is None else list(argv)
    if words[:1] in (["-h"], ["--help"]):
        sys.stdout.write(USAGE)
        return
    env = dict(os.environ)
    invocation = understand(words, env.get("PODKEEP_RUN_DIR"), env.get("PODKEEP_DISK_DIR"))
    settings = Settings.from_env(env, invocation, socket.gethostname())
    masker = Masker(settings.secrets)
    handler = Voice(to_stderr)
    handler.setFormatter(MaskedFormatter(masker))
    logger = logging.getLogger("podkeep")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    sys.exit(Life(settings, RealClock(), masker, patience).run())


if __name__ == "__main__":
    main()
