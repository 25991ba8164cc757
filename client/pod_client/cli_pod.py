"""The commands about pods. Flags are read here; what is done with them is elsewhere.

Nothing heavy is imported until a command runs: `pod-client --help` needs click alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pod_client import options
from pod_client.interrupts import end_as_by_ctrl_c

if TYPE_CHECKING:
    from pod_client.surroundings import Surroundings


@click.command()
@options.POD
@options.TOKEN_FILE
@click.option("--watch", is_flag=True, help="Say it again every two seconds, until the job has ended.")
@options.JSON
@options.LOCAL
@click.pass_obj
def status(
    around: Surroundings, pod: str, token_file: str | None, *, watch: bool, as_json: bool, local: bool
) -> int:
    """Say how a pod and its job are, how far the training is, what it costs, and when the pod stops."""
    from pod_client import reading  # noqa: PLC0415

    if watch and as_json:
        raise click.UsageError("--watch shows, --json is one document: give one of them")
    wiring = around.wiring()
    target = wiring.target(pod, local=local, token_file=token_file)
    if watch:
        end_as_by_ctrl_c()
        return reading.watch(wiring, target)
    return reading.status(wiring, target, as_json=as_json)


@click.command()
@options.JSON
@options.LOCAL
@click.pass_obj
def ps(around: Surroundings, as_json: bool, local: bool) -> int:
    """List our pods: what they do and what they cost."""
    from pod_client import reading  # noqa: PLC0415

    return reading.ps(around.wiring(), local=local, as_json=as_json)


@click.command()
@options.POD
@options.TOKEN_FILE
@options.LOCAL
@click.pass_obj
def stop(around: Surroundings, pod: str, token_file: str | None, local: bool) -> int:
    """Stop a pod now. Its mount stays, and is billed; a job that runs is interrupted."""
    from pod_client import acting  # noqa: PLC0415

    wiring = around.wiring()
    return acting.stop(wiring, wiring.target(pod, local=local, token_file=token_file))


@click.command()
@options.POD
@options.WAIT
@options.TOKEN_FILE
@options.LOCAL
@click.pass_obj
def start(around: Surroundings, pod: str, wait_minutes: float, token_file: str | None, local: bool) -> int:
    """Start a stopped pod. An interrupted job goes on; one that ended waits for a new order."""
    from pod_client import acting  # noqa: PLC0415

    end_as_by_ctrl_c()
    wiring = around.wiring()
    return acting.start(wiring, wiring.target(pod, local=local, token_file=token_file), wait_minutes)


@click.command()
@options.POD
@click.option("--force", is_flag=True, help="Also while its job is running.")
@options.TOKEN_FILE
@options.LOCAL
@click.pass_obj
def rm(around: Surroundings, pod: str, force: bool, token_file: str | None, local: bool) -> int:
    """Remove a pod and its disk: nothing of it is billed any more.

    What is on a network volume stays, and is billed as before.
    """
    from pod_client import acting  # noqa: PLC0415

    wiring = around.wiring()
    return acting.remove(wiring, wiring.target(pod, local=local, token_file=token_file), force=force)


@click.command()
@options.POD
@click.argument("words", nargs=-1, metavar="[-- COMMAND...]")
@click.option("--print", "printed", is_flag=True, help="Only say the ssh command.")
@options.LOCAL
@click.pass_obj
def ssh(around: Surroundings, pod: str, words: tuple[str, ...], printed: bool, local: bool) -> int:
    """Log in to a pod over ssh, or run a command there. The exit code is ssh's."""
    from pod_client import login  # noqa: PLC0415

    wiring = around.wiring()
    return login.ssh(wiring, wiring.target(pod, local=local), words, printed=printed)


COMMANDS = (status, ps, stop, start, rm, ssh)
