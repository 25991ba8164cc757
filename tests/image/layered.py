"""Our image on a base of a test's own: `docker build` makes the base, the real image/build puts us on it.

The names are a worker's own, so that the first worker to be done takes no image from another.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from tests.image.engine import Engine
from tests.image.fixtures import Built, build


@contextmanager
def layered(engine: Engine, plain: Built, name: str, *words: str, text: str | None = None) -> Iterator[str]:
    """The image's name; ``words`` and ``text`` are what `docker build` makes the base of."""
    ours = f"podkeep-test-{name}-{os.getpid()}"
    base = f"{ours}-base"
    engine.run("build", "--network", "host", "--tag", base, *words, text=text)
    try:
        build(engine, plain.checkout, base, *plain.options, repo=ours)
        yield f"{ours}:latest"
    finally:
        listed = engine.run("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", ours, check=False)
        engine.run("rmi", "-f", *listed.stdout.split(), base, check=False)
