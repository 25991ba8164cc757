"""What makes a container of the image a pod: RunPod's variables, and a RunPod that hears who asks to be stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.fakes.stop_server import StopServer
from tests.image.container import Container


@pytest.fixture
def runpod() -> Iterator[StopServer]:
    """It takes every request, and stops nothing: what the container does then is seen."""
    made = StopServer()
    yield made
    made.close()


def told(runpod: StopServer, **more: str) -> dict[str, str]:
    """The environment of a pod whose stop this RunPod hears."""
    known = {"RUNPOD_POD_ID": "pod-a", "RUNPOD_API_KEY": "a-key-of-the-pod"}
    return known | {"POD_RUNPOD_URL": f"{runpod.url}/v2"} | more


def health(pod: Container) -> dict[str, object] | None:
    """What /healthz says; None while nobody answers."""
    try:
        code, body = pod.get("/healthz")
    except OSError:
        assert pod.state()["Status"] == "running", pod.logs()
        return None
    assert code == 200, body
    return json.loads(body)
