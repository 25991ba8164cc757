"""The laptop of every story, and RunPod without a laptop: pods are processes, or in turn processes and containers.

What a pod's disk, PID 1, network, Python or stop may change is told on both: lives, stops, orders, start commands, a
finished job under crashes, second boots, a GPU that is lost, ssh, secrets, shared volumes, a simulator that dies, and
by an agent that waits for jobs: outcomes, strangers (border), cuts of the log. Digits are learnt in containers only.

On processes only, because nothing of theirs differs in a container:
- of the client and what it sends: checkpoint_list, tree, fresh, rehearsal, private_code;
- of formats and frameworks, which are read as files wherever they lie: hf_trainer, projects, put_back, sources;
- of what the agent alone decides or says: limits, odd_output, other_ends, bad_input (odd volumes:
  tests/image/test_volumes.py);
- of the entrypoint of this checkout, begun in odd ways: last_resort (tests/image/test_last_resort_inside.py is that of
  containers), and in kills the crash loop and the taken port. Its twenty kills of agents are one too many minutes:
  lives, stops and digits kill those of containers.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import machine_environment
from tests.fakes.git_server import GitHost
from tests.live import Simulator
from tests.story.container_laptop import ContainerLaptop
from tests.story.laptop import CLIENT, JOB, TRAINER, Laptop, Story, answers, in_use, with_repository

__all__ = ["CLIENT", "JOB", "TRAINER", "Laptop", "Story", "answers"]  # where the other stories look for them

BACKENDS = ["process", pytest.param("docker", marks=pytest.mark.docker)]


@pytest.fixture
def laptop(process_laptop) -> Laptop:
    """That of a story which does not say otherwise."""
    return process_laptop


@pytest.fixture
def process_laptop(clean_environment, tmp_path) -> Iterator[Laptop]:
    """A laptop with a repository that holds trainer.py; at the end its simulator and all pods are ended."""
    repo = with_repository(tmp_path / "repo", clean_environment)
    with in_use(Laptop(clean_environment, repo)) as mine:
        yield mine


@pytest.fixture
def container_laptop(container_options, engine_variables, clean_environment, tmp_path) -> Iterator[Laptop]:
    """Its pods are containers of the real image, which fetch the code over HTTP."""
    repo = with_repository(tmp_path / "code" / "repo", clean_environment)
    with GitHost.running(tmp_path / "code") as host:
        where = host.url("repo/.git")
        mine = ContainerLaptop(clean_environment, repo, where, [], container_options, engine_variables)
        with in_use(mine):
            mine.start_simulator()
            yield mine


@pytest.fixture(params=BACKENDS)
def either_laptop(request) -> Laptop:
    """Its pods are processes of this machine, or containers."""
    return request.getfixturevalue("process_laptop" if request.param == "process" else "container_laptop")


@pytest.fixture(scope="session")
def engine_variables(engine) -> dict[str, str]:
    """What leads a simulator to the Docker Engine."""
    return {name: engine.env[name] for name in ("DOCKER_HOST",) if name in engine.env}


@pytest.fixture(scope="session")
def container_options(built_image) -> tuple[str, ...]:
    """What makes pods containers of the real image, on this machine's network, where the code is served."""
    return ("--backend", "docker", "--image", built_image.id, "--network", "host")


@pytest.fixture(scope="session")
def container_simulator(container_options, engine_variables, tmp_path_factory) -> Iterator[Simulator]:
    """One RunPod whose pods are containers, for the whole session; ended with every pod in it."""
    home = tmp_path_factory.mktemp("containers")
    env = machine_environment(home) | engine_variables
    with Simulator.running(home / "state", env, *container_options) as running:
        yield running


@pytest.fixture(params=BACKENDS)
def runpod(request) -> Simulator:
    """A RunPod that all stories of this session share; its pods are processes, or containers."""
    return request.getfixturevalue("simulator" if request.param == "process" else "container_simulator")
