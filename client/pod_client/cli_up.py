"""The commands before there is a pod: `init` and `up`. Flags are read here; what is done with them is elsewhere.

Nothing heavy is imported until a command runs: `pod-client --help` needs click alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pod_client import options
from pod_client.interrupts import end_as_by_ctrl_c

if TYPE_CHECKING:
    from pod_client.surroundings import Surroundings


@click.command(params=options.INIT)
@click.pass_obj
def init(around: Surroundings, /, to: str | None, force: bool, to_stdout: bool) -> int:
    """Write a pod.toml for the repository in this folder.

    It says how to run the training, and how it goes on from a checkpoint, with the reason of each line as a comment.
    The code is read and never run. Nothing is created or billed. With - the file goes to stdout.
    """
    from pathlib import Path  # noqa: PLC0415 - so that --help stays quick

    from pod_client.init import run  # noqa: PLC0415

    return run.init(around.screen(), Path.cwd(), force=force, to_stdout=to_stdout or to is not None)


@click.command(params=options.UP)
@click.pass_obj
def up(around: Surroundings, /, **values: object) -> int:
    """Start a job on a pod, follow it, and give a receipt.

    JOB is a table [job.JOB] of pod.toml. A pod of ours with the same image, GPU and mount that is stopped or idle is
    reused. Ctrl-C while following detaches: the pod goes on, and stops itself when the job has ended. Ctrl-C before
    that removes what was made.
    """
    from pathlib import Path  # noqa: PLC0415 - so that --help stays quick

    from pod_client import up as upping  # noqa: PLC0415
    from pod_client.choices import Choices  # noqa: PLC0415
    from pod_client.offer import is_wanted, offer  # noqa: PLC0415
    from pod_client.wishes import read_wishes  # noqa: PLC0415

    end_as_by_ctrl_c()
    choices = Choices(
        local=bool(values["local"]),
        detach=bool(values["detach"]),
        new_pod=bool(values["new_pod"]),
        dry_run=bool(values["dry_run"]),
        as_json=bool(values["as_json"]),
        wait_minutes=float(str(values["wait_minutes"])),
        tree=bool(values["tree"]),
        pushed=bool(values["pushed"]),
        asks=around.is_at_terminal() and not values["as_json"],
    )
    wishes = read_wishes(options.read_up(values), around.env, is_local=choices.local)
    if is_wanted(wishes) and around.is_at_terminal() and not choices.as_json:
        return offer(around.screen(), Path.cwd())
    sink = around.sink(raw=bool(values["raw"]), shown=not choices.as_json)
    return upping.up(around.wiring(), wishes, choices, sink)


COMMANDS = (init, up)
