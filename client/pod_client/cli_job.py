"""The commands about the job on a pod. Flags are read here; what is done with them is elsewhere.

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
@click.option("--follow", "-f", is_flag=True, help="Until the job has ended; then print its receipt.")
@click.option("--tail", type=click.IntRange(min=0), help="Only the last so many lines, and what follows.")
@click.option("--since", help="Only what was written since: 90s, 10m, 2h, or a time as 2026-01-31T12:00:00Z.")
@click.option("--console", is_flag=True, help="RunPod's log of the pod instead; needs no agent that answers.")
@options.RAW
@options.TOKEN_FILE
@options.LOCAL
@click.pass_obj
def logs(  # noqa: PLR0917 - one argument per flag
    around: Surroundings,
    pod: str,
    follow: bool,
    tail: int | None,
    since: str | None,
    console: bool,
    raw: bool,
    token_file: str | None,
    local: bool,
) -> int:
    """Print the log of a job, byte for byte.

    POD is a pod's id, its name, or the name of its job.
    """
    from pod_client import logs as logging  # noqa: PLC0415
    from pod_client import moments  # noqa: PLC0415
    from pod_client.follow import Begin  # noqa: PLC0415

    if tail is not None and since is not None:
        raise click.UsageError("give --tail or --since, not both")
    wiring = around.wiring()
    when = None if since is None else moments.parse_moment(since, wiring.clock.now())
    if console:
        from pod_client import console as runpod_log  # noqa: PLC0415

        wish = runpod_log.Wish(runpod_log.MOST if tail is None else tail, when)
        target = wiring.target(pod, local=local, token_file=token_file)
        return runpod_log.show(wiring, target, around.sink(raw=raw), wish, follow=follow)
    begin = Begin(0 if tail is None and when is None else None, tail, when)
    target = wiring.target(pod, local=local, token_file=token_file)
    return logging.logs(wiring, target, around.sink(raw=raw), begin, follow=follow)


@click.command()
@options.POD
@options.TOKEN_FILE
@options.LOCAL
@click.pass_obj
def cancel(around: Surroundings, pod: str, token_file: str | None, local: bool) -> int:
    """End a job; its checkpoints and its pod stay."""
    from pod_client import acting  # noqa: PLC0415

    wiring = around.wiring()
    return acting.cancel(wiring, wiring.target(pod, local=local, token_file=token_file))


@click.command()
@options.POD
@options.TOKEN_FILE
@options.LOCAL
@click.pass_obj
def restart(around: Surroundings, pod: str, token_file: str | None, local: bool) -> int:
    """End a job's attempt and resume it.

    It goes on from its newest whole checkpoint, under the same order.
    """
    from pod_client import acting  # noqa: PLC0415

    wiring = around.wiring()
    return acting.restart(wiring, wiring.target(pod, local=local, token_file=token_file))


@click.command()
@options.POD
@options.TOKEN_FILE
@options.JSON
@options.LOCAL
@click.pass_obj
def checkpoints(around: Surroundings, pod: str, token_file: str | None, as_json: bool, local: bool) -> int:
    """List a job's checkpoints: whole or not and why, and which one it would resume from.

    Also podkeep's copies of those that are rewritten in place, older runs', and those that were set aside. Nothing is
    changed by asking.
    """
    from pod_client import checkpoints as listing  # noqa: PLC0415

    wiring = around.wiring()
    return listing.show(wiring, wiring.target(pod, local=local, token_file=token_file), as_json=as_json)


COMMANDS = (checkpoints, logs, cancel, restart)
