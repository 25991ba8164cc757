"""The agent's real API over a log in a folder, without a job: what the log benches talk to.

Prints its port; ends when its stdin is closed. Arguments: the job's folder, then secrets to mask.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from pod_agent.api.parts import Parts
from pod_agent.api.server import HttpServer
from pod_agent.outputs.log import JobLog
from pod_agent.outputs.masked import MaskedLog
from pod_agent.run.asks import Verdict
from pod_wire.masker import Masker
from pod_wire.secrets import Secret, TokenRule
from pod_wire.status import JobStatus, LogPlace, Phase, Status

TOKEN = "a-token-for-the-bench"  # noqa: S105 - opens a bench only


def main(folder: str, *secrets: str) -> None:
    log = JobLog(Path(folder))
    log.create()
    masker = Masker(Secret(value) for value in secrets)
    masked = MaskedLog(log, masker, lambda: True)

    def snapshot() -> Status:
        place = LogPlace(log.id, log.size())
        return Status(
            "bench", time.time(), Phase.RUNNING, job=JobStatus("bench", "", Phase.RUNNING, log=place)
        )

    parts = Parts(
        snapshot=snapshot,
        ask=lambda _: Verdict(accepted=False),
        log=lambda _: masked,
        journal=lambda: None,
        token=TokenRule(Secret(TOKEN)),
        masker=masker,
    )
    server = HttpServer(parts, 0, "127.0.0.1")
    server.start()
    print(server.port, flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
