"""POD_SETUP: the user's extra shell command, run in a new environment after everything else is installed.

Not here: when it runs (``install``: once for each environment that is put on this disk).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.run.environment.said import last_line
from pod_agent.run.work import StepFailed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pod_agent.run.work import Work


def run(text: str, folder: Path, env: Mapping[str, str], work: Work) -> None:
    """The command in the job's folder, with the environment's PATH; its output goes into the log."""
    work.say("podkeep: running POD_SETUP")
    done = work.run(["bash", "-o", "pipefail", "-c", text], cwd=folder, env=env)
    if not done.ok:
        end = f"ended with code {done.code}" if done.code > 0 else f"was killed by signal {-done.code}"
        said = f": {last_line(done)}" if done.text else ""
        raise StepFailed(
            f"cannot set up the job: POD_SETUP {end}{said}",
            "the log shows its output; correct the command, it runs in the folder the job runs in",
        )
