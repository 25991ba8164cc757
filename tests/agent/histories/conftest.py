"""Options of the histories: one seed again, or more of them. Both only where this folder is named on the command line."""

from __future__ import annotations

import logging

import pytest

BLOCK = 10


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
