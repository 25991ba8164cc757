"""The entry point: commands, the one border where errors become messages and exit codes, and the environment.

Nothing heavy is imported until a command runs: `pod-client --help` needs click alone.
"""

from __future__ import annotations

import os
import signal
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING

import click

from pod_client import options
from pod_client.screen import Screen, colour_wish
from pod_wire.errors import PodError

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType

    from pod_client.options import UpFlags
    from pod_client.plan import Wishes
    from pod_client.stdout import Sink
    from pod_client.wiring import Wiring

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=CONTEXT)
@click.version_option(package_name="podkeep", prog_name="pod-client")
def cli() -> None:
    """A RunPod GPU pod that looks after its own training, and switches itself off.

    Exit codes: 0 done, 1 the job failed, 2 wrong usage, 3 cannot reach or no permission, 4 nothing available,
    130 detached: the pod goes on.
    """


@cli.command(params=options.UP)
def up(**values: object) -> int:
    """Start a job on a pod, follow it, and give a receipt.

    JOB is a table [job.JOB] of pod.toml. A pod of ours with the same image, GPU and mount that is stopped or idle is
    reused. Ctrl-C while following detaches: the pod goes on, and stops itself when the job has ended. Ctrl-C before
    that removes what was made.
    """
    from pod_client import up as upping  # noqa: PLC0415 - so that --help stays quick

    _end_as_by_ctrl_c()
    choices = upping.Choices(
        local=bool(values["local"]),
        detach=bool(values["detach"]),
        new_pod=bool(values["new_pod"]),
        dry_run=bool(values["dry_run"]),
        as_json=bool(values["as_json"]),
        wait_minutes=float(str(values["wait_minutes"])),
    )
    wishes = _wishes(options.read_up(values), is_local=choices.local)
    sink = _sink(raw=bool(values["raw"]), shown=not choices.as_json)
    return upping.up(_wiring(), wishes, choices, sink)


@cli.command()
@options.POD
@click.option("--follow", "-f", is_flag=True, help="Until the job has ended; then print its receipt.")
@click.option("--tail", type=click.IntRange(min=0), help="Only the last so many lines, and what follows.")
@click.option("--since", help="Only what was written since: 90s, 10m, 2h, or a time as 2026-01-31T12:00:00Z.")
@options.RAW
@options.TOKEN_FILE
@options.LOCAL
def logs(  # noqa: PLR0917 - one argument per flag
    pod: str,
    follow: bool,
    tail: int | None,
    since: str | None,
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
    wiring = _wiring()
    when = None if since is None else moments.parse_moment(since, wiring.clock.now())
    begin = Begin(0 if tail is None and when is None else None, tail, when)
    target = wiring.target(pod, local=local, token_file=token_file)
    return logging.logs(wiring, target, _sink(raw=raw), begin, follow=follow)


@cli.command()
@options.POD
@options.TOKEN_FILE
@options.JSON
@options.LOCAL
def status(pod: str, token_file: str | None, as_json: bool, local: bool) -> int:
    """Say how a pod and its job are, and when it stops."""
    from pod_client import reading  # noqa: PLC0415

    wiring = _wiring()
    return reading.status(wiring, wiring.target(pod, local=local, token_file=token_file), as_json=as_json)


@cli.command()
@options.JSON
@options.LOCAL
def ps(as_json: bool, local: bool) -> int:
    """List our pods: what they do and what they cost."""
    from pod_client import reading  # noqa: PLC0415

    return reading.ps(_wiring(), local=local, as_json=as_json)


@cli.command()
@options.POD
@options.TOKEN_FILE
@options.LOCAL
def cancel(pod: str, token_file: str | None, local: bool) -> int:
    """End a job; its checkpoints and its pod stay."""
    from pod_client import acting  # noqa: PLC0415

    wiring = _wiring()
    return acting.cancel(wiring, wiring.target(pod, local=local, token_file=token_file))


@cli.command()
@options.POD
@options.TOKEN_FILE
@options.LOCAL
def restart(pod: str, token_file: str | None, local: bool) -> int:
    """End a job's attempt and resume it.

    It goes on from its newest whole checkpoint, under the same order.
    """
    from pod_client import acting  # noqa: PLC0415

    wiring = _wiring()
    return acting.restart(wiring, wiring.target(pod, local=local, token_file=token_file))


@cli.command()
@options.POD
@options.TOKEN_FILE
@options.LOCAL
def stop(pod: str, token_file: str | None, local: bool) -> int:
    """Stop a pod now. Its mount stays, and is billed; a job that runs is interrupted."""
    from pod_client import acting  # noqa: PLC0415

    wiring = _wiring()
    return acting.stop(wiring, wiring.target(pod, local=local, token_file=token_file))


@cli.command()
@options.POD
@options.WAIT
@options.TOKEN_FILE
@options.LOCAL
def start(pod: str, wait_minutes: float, token_file: str | None, local: bool) -> int:
    """Start a stopped pod. An interrupted job goes on; one that ended waits for a new order."""
    from pod_client import acting  # noqa: PLC0415

    _end_as_by_ctrl_c()
    wiring = _wiring()
    return acting.start(wiring, wiring.target(pod, local=local, token_file=token_file), wait_minutes)


@cli.command()
@options.POD
@click.option("--force", is_flag=True, help="Also while its job is running.")
@options.TOKEN_FILE
@options.LOCAL
def rm(pod: str, force: bool, token_file: str | None, local: bool) -> int:
    """Remove a pod and its disk: nothing of it is billed any more.

    What is on a network volume stays, and is billed as before.
    """
    from pod_client import acting  # noqa: PLC0415

    wiring = _wiring()
    return acting.remove(wiring, wiring.target(pod, local=local, token_file=token_file), force=force)


def main(argv: list[str] | None = None) -> None:
    """Run a command and exit with its code. The one place where errors become messages."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a name that this terminal cannot write is no reason to fail
            stream.reconfigure(errors="backslashreplace")
    screen = Screen(colour=colour_wish(os.environ))
    try:
        code = cli.main(argv, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = 2
    except PodError as error:
        from pod_client.exits import by_error  # noqa: PLC0415

        screen.fail(error)
        code = by_error(error)
    except (KeyboardInterrupt, click.Abort):
        code = 130
    except BrokenPipeError:
        from pod_client.stdout import silence_stdout  # noqa: PLC0415

        silence_stdout()
        code = 0
    except OSError as error:  # a home that cannot be written, a full disk
        screen.fail(PodError(f"cannot use {error.filename or 'this machine'}: {error.strerror or error}"))
        code = 3
    sys.exit(code if isinstance(code, int) else 0)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Once: a shell says HUP twice, and the second must not break off what the first began. Ctrl-C still can."""
    for number in _ends():
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _ends() -> tuple[int, ...]:
    return (signal.SIGTERM, signal.SIGHUP) if hasattr(signal, "SIGHUP") else (signal.SIGTERM,)


def _end_as_by_ctrl_c() -> None:
    """Also when the terminal is closed: a launch that is ended leaves nothing billed."""
    for number in _ends():
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup means it
            signal.signal(number, _interrupt)


def _wiring() -> Wiring:
    from pod_client.wiring import Wiring  # noqa: PLC0415
    from pod_wire.clock import RealClock  # noqa: PLC0415

    return Wiring(dict(os.environ), Screen(colour=colour_wish(os.environ)), RealClock())


def _sink(*, raw: bool, shown: bool = True) -> Sink:
    from pod_client.folding import fold_for  # noqa: PLC0415
    from pod_client.stdout import Nowhere, Stdout  # noqa: PLC0415

    return Stdout(fold_for(terminal=sys.stdout.isatty(), raw=raw)) if shown else Nowhere()


def _wishes(flags: UpFlags, *, is_local: bool) -> Wishes:
    """Read the files that the flags name."""
    from pathlib import Path  # noqa: PLC0415

    from pod_client.plan import Wishes  # noqa: PLC0415
    from pod_client.user_env import read_env_file, read_env_options  # noqa: PLC0415

    env: dict[str, str] = {}
    for name in flags.env_files:
        env |= read_env_file(_read(Path(name)), name)
    env |= read_env_options(flags.env, os.environ)
    toml = Path(flags.toml) if flags.toml is not None else Path("pod.toml")
    text = _read(toml) if flags.toml is not None or toml.exists() else None
    return Wishes(flags.job, text, flags.contract, env, flags.machine, is_local=is_local)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise click.UsageError(f"cannot read {path}: it is not UTF-8 text") from None


if __name__ == "__main__":
    main()
