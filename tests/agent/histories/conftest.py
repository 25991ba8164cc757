"""Options of the histories: one seed again, or more of them. Both only where this folder is named."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=None, help="play the history of this seed alone")
    parser.addoption("--histories", type=int, default=1000, help="how many seeded histories are played")


@pytest.fixture(autouse=True)
def quiet():
    """The agents' own log is thousands of lines; the story is told by the world."""
    log = logging.getLogger("podkeep")
    before, log.disabled = log.disabled, True
    yield
    log.disabled = before


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Where the world's files lie: in memory, where there is such a place, as they are synced at every turn."""
    if not os.access(MEMORY, os.W_OK):
        yield tmp_path / "world"
        return
    with tempfile.TemporaryDirectory(prefix="podkeep-histories-", dir=MEMORY) as folder:
        yield Path(folder) / "world"
