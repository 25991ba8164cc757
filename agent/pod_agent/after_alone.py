"""``pod-agent after PID…`` where no agent lives: this program becomes the entrypoint, which keeps one alive.

Not here: what is asked for, and whether this pod may be stopped (``after``).
"""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from pod_agent import after
from pod_agent.pod import scribe
from pod_wire.errors import PodError
from pod_wire.orders import new_order_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pod_agent.invocation import Invocation
    from pod_agent.settings import Settings

ENTRYPOINTS = (  # of a checkout, of an installed wheel
    Path(__file__).resolve().parents[2] / "entrypoint.sh",
    Path(sysconfig.get_path("data")) / "share" / "podkeep" / "entrypoint.sh",
)
BILLED = "podkeep: this pod is billed, and nobody will stop it: begin `pod-agent after {}` again, or stop it by hand"


def alone(
    job: Mapping[str, str], env: Mapping[str, str], invocation: Invocation
) -> tuple[dict[str, str], Settings]:
    """The environment of an agent for this job only. A login shell has not what RunPod told PID 1."""
    told = {
        name: value for name, value in after.environment_of(1).items() if name.startswith(("RUNPOD_", "POD_"))
    }
    kept, settings = after.understood({**job, "POD_ORDER": new_order_id()}, {**told, **env}, invocation)
    after.hold(settings)
    return kept, settings


def become(names: Sequence[str], env: Mapping[str, str], settings: Settings) -> NoReturn:
    """Become the entrypoint, for good: an agent that dies is started again, and goes on with this very order.

    The marks say that these live: where no agent can be kept alive, the last resort stops no pod amid a training.
    """
    script = next((path for path in ENTRYPOINTS if path.is_file()), ENTRYPOINTS[0])
    pids = [name.partition(":")[0] for name in names]
    more = {
        "PODKEEP_PYTHON": sys.executable,
        "PODKEEP_RUN_DIR": str(settings.run_dir),
        "PODKEEP_DISK_DIR": str(settings.disk_dir),
        "PODKEEP_LAST_WORDS": BILLED.format(" ".join(pids)) if settings.pod_id is not None else "",
    }
    try:
        script.stat()
        scribe.make_folder(settings.run_dir)
        for pid, name in zip(pids, names, strict=True):
            scribe.replace(settings.run_dir / f"by-hand-{pid}.pid", f"{name.replace(':', ' ')}\n".encode())
        os.execvpe("bash", ["bash", "-p", str(script)], {**env, **more})  # noqa: S606 - the shell it is written for
    except OSError as error:
        raise PodError(
            f"cannot look after it: {error}", "docs/start.md has the lines that bring podkeep to a pod"
        ) from None
