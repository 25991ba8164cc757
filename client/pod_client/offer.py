"""What `up` offers where it has no job: to write a pod.toml. Nothing is created or billed, whatever the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_client.exits import USAGE

if TYPE_CHECKING:
    from pathlib import Path

    from pod_client.plan import Wishes
    from pod_client.screen import Screen


def is_wanted(wishes: Wishes) -> bool:
    """Whether there is neither a file that names a job nor a command."""
    return wishes.toml is None and not (wishes.contract.keys() | wishes.env.keys()) & {"POD_COMMAND"}


def offer(screen: Screen, folder: Path) -> int:
    """Ask, and write one. The job is not started by the same breath: the file wants to be looked over."""
    screen.step("there is no pod.toml here, and no --command: there is nothing to run yet")
    if screen.ask("  write a pod.toml from what is in this folder?"):
        from pod_client.init.run import init  # noqa: PLC0415 - most `up`s have their file

        init(screen, folder)
    screen.money("nothing was created, and nothing is billed")
    return USAGE
