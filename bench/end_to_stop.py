"""From the training's end until the stop request arrives at RunPod's API, nothing left to upload.

``python bench/end_to_stop.py``. RunPod is a listener on loopback that notes when it is asked. The training writes down
the moment of its last deed. A follower is attached in some of the runs: it is let go with the rest of the log first. In
others POD_ON_FINISH=auto asks for a first step that the training never printed.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path

import log_rivals
from measured import RUNS, median, program, python, say, wait_until
from pod import TOKEN, Pod
from runpod_api import RunPod

RUN_S = 6.0  # long enough for HTTP to have been up, as in any real run


def once(*, followed: bool, policy: str) -> float:
    """Seconds of one run."""
    with tempfile.TemporaryDirectory() as name, RunPod.listening() as runpod:
        last = Path(name) / "last"
        command = f'echo a line; sleep {RUN_S}; echo the last line; echo "$EPOCHREALTIME" > {last}'
        policies = {"POD_ON_FINISH": policy, "POD_ON_FAILURE": "stop"}
        with Pod(Path(name), command, **policies, **runpod.environment) as pod:
            pod.start()
            wait_until("HTTP is up", pod.answers)
            client = python(log_rivals.HERE / "log_client.py", pod.url, TOKEN)
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            with program(client, **quiet) if followed else contextlib.nullcontext():
                wait_until("the pod is asked to stop", lambda: bool(runpod.stopped_at), RUN_S + 20)
        return runpod.stopped_at - float(last.read_text())


def main() -> None:
    cases = (
        ("podkeep", False, "stop"),
        ("podkeep, followed", True, "stop"),
        ("podkeep, auto", False, "auto"),
    )
    for who, followed, policy in cases:
        runs = [once(followed=followed, policy=policy) for _ in range(RUNS)]
        say("end_to_stop", who, seconds=round(median(runs), 3), runs=[round(seconds, 3) for seconds in runs])


if __name__ == "__main__":
    main(*sys.argv[1:])
