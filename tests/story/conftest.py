"""The laptop of every story: its pods are processes, or in turn processes and containers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.git_server import GitHost
from tests.story.container_laptop import ContainerLaptop
from tests.story.laptop import CLIENT, JOB, TRAINER, Laptop, Story, answers, in_use, with_repository

__all__ = ["CLIENT", "JOB", "TRAINER", "Laptop", "Story", "answers"]  # where the other stories look for them

BACKENDS = ["process", pytest.param("docker", marks=pytest.mark.docker)]


@pytest.fixture
def laptop(clean_environment, tmp_path) -> Iterator[Laptop]:
    """A laptop with a repository that holds trainer.py; at the end its simulator and all pods are ended."""
    repo = with_repository(tmp_path / "repo", clean_environment)
    with in_use(Laptop(clean_environment, repo)) as mine:
        yield mine


@pytest.fixture(params=BACKENDS)
def either_laptop(request, clean_environment, tmp_path) -> Iterator[Laptop]:
    """Its pods are processes of this machine, or containers of the real image, which fetch the code over HTTP."""
    repo = with_repository(tmp_path / "code" / "repo", clean_environment)
    if request.param == "process":
        with in_use(Laptop(clean_environment, repo)) as mine:
            yield mine
        return
    engine = request.getfixturevalue("engine").env
    image = request.getfixturevalue("built_image").id
    known = tuple((name, engine[name]) for name in ("DOCKER_HOST",) if name in engine)
    with GitHost.running(tmp_path / "code") as host:
        mine = ContainerLaptop(clean_environment, repo, host.url("repo/.git"), image=image, engine=known)
        with in_use(mine):
            mine.start_simulator()
            yield mine
