"""The entry point: the one border where errors become messages and exit codes, and where the environment is read.

Not here: the commands and their flags (cli_*.py). Nothing heavy is
imported until one runs.
"""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper

import click

from pod_client import cli_idle, cli_job, cli_pod, cli_receipt, cli_up
from pod_client.surroundings import Surroundings
from pod_wire.errors import PodError

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=CONTEXT)
@click.version_option(package_name="podkeep", prog_name="pod-client")
def cli() -> None:
    """A RunPod GPU pod that looks after its own training, and switches itself off.

    Exit codes: 0 done, 1 the job failed, 2 wrong usage, 3 cannot reach or no permission, 4 nothing available,
    130 detached: the pod goes on.
    """


for _module in (cli_up, cli_job, cli_pod, cli_idle, cli_receipt):
    for _command in _module.COMMANDS:
        cli.add_command(_command)


def main(argv: list[str] | None = None) -> None:
    """Run a command and exit with its code. The one place where errors become messages."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a name that this terminal cannot write is no reason to fail
            stream.reconfigure(errors="backslashreplace")
    around = Surroundings(dict(os.environ))
    screen = around.screen()
    try:
        code = cli.main(argv, standalone_mode=False, obj=around)
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


if __name__ == "__main__":
    main()
