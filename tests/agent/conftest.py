"""What tests of the agent share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Attempts under real keepers, all ended with the test."""
    bench = Bench(tmp_path)
    yield bench
    bench.finish()
