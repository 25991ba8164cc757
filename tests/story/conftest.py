"""The laptop of every story, with pods that are processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.story.laptop import CLIENT, JOB, TRAINER, Laptop, Story, answers, in_use, with_repository

__all__ = ["CLIENT", "JOB", "TRAINER", "Laptop", "Story", "answers"]  # where the other stories look for them


@pytest.fixture
def laptop(clean_environment, tmp_path) -> Iterator[Laptop]:
    """A laptop with a repository that holds trainer.py; at the end its simulator and all pods are ended."""
    repo = with_repository(tmp_path / "repo", clean_environment)
    with in_use(Laptop(clean_environment, repo)) as mine:
        yield mine
