"""The simulator's command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BARE = (
    "import sys; sys.path[:0] = [sys.argv.pop(), sys.argv.pop()]\n"
    "from pod_sim.__main__ import main; sys.exit(main(sys.argv[1:]))"
)


def bare(tmp_path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """The simulator in a Python that has nothing installed."""
    (tmp_path / "entry.sh").touch()
    given = ["--state", str(tmp_path / "state"), "--entrypoint", str(tmp_path / "entry.sh"), *options]
    argv = [sys.executable, "-I", "-S", "-c", BARE, *given, str(ROOT / "agent"), str(ROOT / "client")]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_without_the_agent_extra_it_says_what_to_install(tmp_path):
    """A missing web framework is one line with the command, not a traceback."""
    said = bare(tmp_path)
    assert said.returncode == 3
    assert said.stderr.endswith("is not installed (pip install 'podkeep[agent]')\n")
    assert "Traceback" not in said.stderr


def test_help_needs_nothing(tmp_path):
    """`--help` works in a bare Python."""
    said = bare(tmp_path, "--help")
    assert said.returncode == 0
    assert "--idle-exit" in said.stdout
