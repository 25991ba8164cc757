"""The commands before there is a pod: `up`. Flags are read here; what is done with them is in up.py.

Nothing heavy is imported until a command runs: `pod-client --help` needs click alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pod_client import options
from pod_client.interrupts import end_as_by_ctrl_c

if TYPE_CHECKING:
    from pod_client.surroundings import Surroundings


@click.command(params=options.UP)
@click.pass_obj
def up(around: Surroundings, /, **values: object) -> int:
    """Start a job on a pod, follow it, and give a receipt.

    JOB is a table [job.JOB] of pod.toml. A pod of ours with the same image, GPU and mount that is stopped or idle is
    reused. Ctrl-C while following detaches: the pod goes on, and stops itself when the job has ended. Ctrl-C before
    that removes what was made.
    """
    from pod_client import up as upping  # noqa: PLC0415 - so that --help stays quick
    from pod_client.choices import Choices  # noqa: PLC0415
    from pod_client.wishes import read_wishes  # noqa: PLC0415

    end_as_by_ctrl_c()
    choices = Choices(
        local=bool(values["local"]),
        detach=bool(values["detach"]),
        new_pod=bool(values["new_pod"]),
        dry_run=bool(values["dry_run"]),
        as_json=bool(values["as_json"]),
        wait_minutes=float(str(values["wait_minutes"])),
    )
    wishes = read_wishes(options.read_up(values), around.env, is_local=choices.local)
    sink = around.sink(raw=bool(values["raw"]), shown=not choices.as_json)
    return upping.up(around.wiring(), wishes, choices, sink)
