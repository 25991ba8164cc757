"""podkeep as a thin layer on an image that somebody trains with: what is theirs stays, what must be ours is ours."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from tests.image.container import Container
from tests.image.engine import Engine
from tests.image.fixtures import Built
from tests.image.layered import layered

pytestmark = pytest.mark.docker

# Ours already, so that nothing is downloaded but the lists; and with the habits of images that people train with.
THEIRS = """
FROM {base}
RUN useradd --create-home trainer && mkdir -p /app /workspace && chown trainer /app /workspace
RUN echo 'print("their code trains")' >/app/train.py && echo theirs >/workspace/hidden && \
    echo 'raise SystemExit("a trap")' | tee /app/requests.py /app/pydantic.py >/app/psutil.py && \
    echo 'requests==2.0' >/app/constraint.txt && echo 'case $0 in */entrypoint.sh) exit 9 ;; esac' >/app/bash.env
ENV THEIR_SETTING="as it was" PIP_CACHE_DIR=/workspace/.cache/pip PIP_BREAK_SYSTEM_PACKAGES=1 PYTHONDONTWRITEBYTECODE=1
ENV PIP_CONSTRAINT=/app/constraint.txt PIP_REQUIRE_VIRTUALENV=1 PYTHONPATH=/app BASH_ENV=/app/bash.env
USER trainer
WORKDIR /app
SHELL ["/bin/false"]
STOPSIGNAL SIGINT
HEALTHCHECK NONE
ENTRYPOINT ["/bin/echo", "their entrypoint"]
CMD ["python", "train.py"]
"""


@pytest.fixture(scope="module")
def own(engine: Engine, built_image: Built) -> Iterator[str]:
    """The image that comes of it."""
    before = f"podkeep-test-before-{os.getpid()}"  # a build begins with names, and looks for ids far away
    engine.run("tag", built_image.id, before)
    try:
        with layered(engine, built_image, "own", "-", text=THEIRS.format(base=before)) as name:
            yield name
    finally:
        engine.run("rmi", "-f", before, check=False)


def test_their_image_starts_with_our_entrypoint(engine, own):
    """Entrypoint, signal, health check, user and folder are ours, the start command is empty; the rest is theirs."""
    told = json.loads(engine.run("image", "inspect", "-f", "{{json .Config}}", own).stdout)
    assert told["Entrypoint"][0] == "/usr/bin/tini"
    assert not told.get("Cmd")
    assert (told["StopSignal"], told["User"], told["WorkingDir"]) == ("SIGTERM", "root", "/")
    assert "healthcheck.py" in told["Healthcheck"]["Test"][-1]
    assert "THEIR_SETTING=as it was" in told["Env"]


def test_their_code_is_trained(engine, own):
    """A command names their folder and sees their environment, and their workspace is left alone."""
    command = 'cd /app && pod-agent --help >/dev/null && python train.py && echo "$THEIR_SETTING" && ls -A /workspace'
    env = {"POD_ON_FINISH": "exit", "POD_ON_FAILURE": "exit"}
    with Container(engine, own, command, **env) as pod:
        assert pod.ended() == 0, pod.logs()
        assert "their code trains\nas it was\n.podkeep\nhidden\nEXIT_CODE=0\n" in pod.logs()
