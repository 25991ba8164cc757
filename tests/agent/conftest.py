"""What tests of the agent share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.bench import Bench
from tests.agent.bystander import Training
from tests.agent.entry_box import Container
from tests.agent.gpu_recordings import Recordings
from tests.agent.service_house import House
from tests.fakes import nvml
from tests.fakes.stop_server import StopServer


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Attempts under real keepers, all ended with the test."""
    bench = Bench(tmp_path)
    yield bench
    bench.finish()


@pytest.fixture
def container(tmp_path):
    """Make an entrypoint whose agent is a shell script; it is ended with the test."""
    made = []

    def make(script, **env):
        made.append(Container(tmp_path, script, **env))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def training():
    """Begin a training by hand; it is ended with the test."""
    made = []

    def make(*words, **more):
        made.append(Training(*words, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def house(tmp_path):
    """Begins services; they are ended with the test."""
    made = []

    def begin(*rows, **more):
        made.append(House(tmp_path, *rows, **more))
        return made[-1]

    yield begin
    for one in made:
        one.leave()


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory):
    """NVIDIA's library as tests/fakes/nvml.c has it."""
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc, to compile a driver's library: apt-get install gcc libc6-dev")
    return nvml.compile_in(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def driver(nvml_library, tmp_path):
    """One machine's driver, which tells what a test says."""
    return nvml.FakeDriver(nvml_library, tmp_path / "driver")


@pytest.fixture
def server():
    """Takes stops, as RunPod would."""
    made = StopServer()
    yield made
    made.close()


@pytest.fixture
def watch(driver, tmp_path):
    """Makes watchers of recorded GPUs; they are ended with the test."""
    recordings = Recordings(driver, tmp_path)
    yield recordings
    recordings.close()
