"""The commands about a pod that is idle: why it still runs, and keeping it. Flags are read here.

Nothing heavy is imported until a command runs: `pod-client --help` needs click alone.
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
def why(around: Surroundings, pod: str, token_file: str | None, as_json: bool, local: bool) -> int:
    """Say why a pod still runs: each signal, its value and limit, and when the pod stops."""
    from pod_client import why as asking  # noqa: PLC0415

    wiring = around.wiring()
    return asking.why(wiring, wiring.target(pod, local=local, token_file=token_file), as_json=as_json)


@click.command()
@options.POD
@click.argument("span", required=False, metavar="[TIME]")
@click.option("--because", default="", help="Why, in a few words; others see it.")
@click.option(
    "--end",
    is_flag=True,
    help="End every lease: the pod stops when it is idle, a minute later at the soonest.",
)
@options.TOKEN_FILE
@options.LOCAL
@click.pass_obj
def keep(
    around: Surroundings,
    pod: str,
    span: str | None,
    *,
    because: str,
    end: bool,
    token_file: str | None,
    local: bool,
) -> int:
    """Keep an idle pod for a while: TIME is 30m, 2h or 1d. It ends by itself, and stops no deadline."""
    from pod_client import keeping  # noqa: PLC0415

    wiring = around.wiring()
    return keeping.keep(
        wiring, wiring.target(pod, local=local, token_file=token_file), span, because, end=end
    )


COMMANDS = (why, keep)
