"""Which Python carries the agent, of those that an image may have."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.image.fixtures import ROOT

FIND = ROOT / "image" / "find-python"
OWN, CONDA = "usr/bin/python3", "conda/bin/python3"


def put(place: Path, *, fits: bool) -> None:
    """A program that says of itself whether it can carry the agent."""
    place.parent.mkdir(parents=True)
    place.write_text(f"#!/bin/sh\nexit {int(not fits)}\n")
    place.chmod(0o755)


@pytest.mark.parametrize(
    ("own", "conda", "found"),
    [(True, True, OWN), (False, True, CONDA), (None, True, CONDA), (True, False, OWN)],
)
def test_the_distribution_s_own_comes_before_what_a_job_may_change(tmp_path, own, conda, found):
    """Conda's stands first on PATH, and is taken only where the other is missing, too old or without venv."""
    put(tmp_path / CONDA, fits=conda)
    if own is not None:
        put(tmp_path / OWN, fits=own)
    text = FIND.read_text().replace("/usr/bin/python3", str(tmp_path / OWN))
    path = f"{tmp_path / 'conda/bin'}:{tmp_path / 'usr/bin'}"
    done = subprocess.run(
        ["/bin/sh", "-c", text, "find-python"],
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / found}\n"), done.stderr
