"""The command that tells what became of a job. Flags are read here.

Nothing heavy is imported until it runs: `pod-client --help` needs click alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pod_client import options

if TYPE_CHECKING:
    from pod_client.surroundings import Surroundings


@click.command()
@options.POD
@options.TOKEN_FILE
@options.JSON
@options.LOCAL
@click.pass_obj
def receipt(around: Surroundings, pod: str, token_file: str | None, as_json: bool, local: bool) -> int:
    """Tell the whole story of a pod's job: boots, phases, attempts, what it cost and what was wasted.

    A pod that is off or gone cannot be asked: then it is the story as this machine saw it last.
    """
    from pod_client import telling  # noqa: PLC0415

    return telling.receipt(around.wiring(), pod, local=local, token_file=token_file, as_json=as_json)


COMMANDS = (receipt,)
