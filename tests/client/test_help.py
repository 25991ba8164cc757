"""The command's help: quick, light, and docs/help.md is it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from pod_client.cli import cli

PAGE = Path(__file__).resolve().parents[2] / "docs" / "help.md"
HEAVY = ("requests", "rich", "urllib3", "pod_sim", "fastapi")


def render() -> str:
    """The page: the help of every command, as a terminal of 100 columns shows it."""
    parts = [
        "# All commands and flags",
        "Written by `python tests/client/test_help.py`; a test holds it to the program.",
        _block(),
        *(_block(name) for name in sorted(cli.commands)),
    ]
    return "\n\n".join(parts) + "\n"


def _block(*argv: str) -> str:
    result = CliRunner().invoke(cli, [*argv, "--help"], prog_name="pod-client", terminal_width=100)
    title = f"## {' '.join(argv)}\n\n" if argv else ""
    return f"{title}```text\n{result.output.rstrip()}\n```"


def test_the_page_is_current():
    """docs/help.md holds exactly what --help prints."""
    assert PAGE.read_text(encoding="utf-8") == render()


def test_help_imports_nothing_heavy():
    """--help and the import of the entry point load neither requests nor rich."""
    code = f"import pod_client.cli, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_is_quick():
    """The best of five starts takes at most 0.15 s of processor time, which a busy machine does not stretch."""
    best = min(_seconds() for _ in range(5))
    assert best <= 0.15


def _seconds() -> float:
    begun = os.times()
    subprocess.run([sys.executable, "-m", "pod_client.cli", "--help"], capture_output=True, check=True)
    done = os.times()
    return done.children_user + done.children_system - begun.children_user - begun.children_system


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
