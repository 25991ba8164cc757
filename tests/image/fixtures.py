"""What a test marked `docker` asks for: an engine, a base image, our image built on it by the real image/build.

tests/conftest.py hands them to every folder. Built once for all workers of a test run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.image import host_settings, root
from tests.image.engine import Engine, NoEngine, found_or_started

AS_STARTED = dict(
    os.environ
)  # a fixture that is first asked for amid a test would see that test's environment
ROOT = Path(__file__).resolve().parents[2]
REPO = "podkeep-test"
PLANTED = ("planted-in-the-pip-secret-4bd1", "planted-in-the-apt-secret-90ce")


@dataclass(frozen=True, slots=True)
class Built:
    """Our image, and how it came to be."""

    id: str  # what `docker run` takes
    base: str
    checkout: Path  # what it was built from
    output: str  # what the build said
    options: tuple[str, ...]  # the same again is from cache


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all workers of this test run."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def engine(session_folder: Path) -> Iterator[Engine]:
    """A Docker Engine: the one that runs, else one of our own that the last worker ends."""
    try:
        with found_or_started(session_folder / "engine", AS_STARTED) as found:
            yield found
    except NoEngine as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def base_image(engine: Engine) -> str:
    """A plain root of the distribution of this machine."""
    person = Path(AS_STARTED.get("HOME") or Path.home())
    cache = Path(AS_STARTED.get("XDG_CACHE_HOME") or person / ".cache") / "podkeep-tests"
    try:
        archive = root.tar(cache)
    except root.Impossible as reason:
        pytest.skip(str(reason))
    name = f"podkeep-test-base:{archive.stem}"
    if not engine.has(name):
        engine.run("import", str(archive), name)
    return name


@pytest.fixture(scope="session")
def built_image(engine: Engine, base_image: str, session_folder: Path) -> Built:
    """The real Dockerfile on the base image. The host's pip and apt settings go in as secrets, with planted words."""
    import fcntl  # noqa: PLC0415 - not on Windows, where nothing is built

    options, checkout = build_options(session_folder), session_folder / "checkout"
    with (session_folder / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not checkout.exists():
            copy_checkout(checkout)
        output = build(engine, checkout, base_image, *options)
        found = engine.run("image", "inspect", "-f", "{{.Id}}", f"{REPO}:latest").stdout.strip()
    return Built(found, base_image, checkout, output, tuple(options))


def copy_checkout(place: Path) -> None:
    """This checkout as it is now, commits and changes: whoever works on it meanwhile changes nothing for a test."""
    half = place.with_suffix(".half")
    subprocess.run(
        ["git", "clone", "--quiet", "--no-local", "--depth", "1", ROOT.as_uri(), str(half)], check=True
    )
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        (half / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_file():
            shutil.copy2(ROOT / name, half / name)
        else:
            (half / name).unlink(missing_ok=True)
    half.rename(place)


def build_options(folder: Path) -> list[str]:
    """Network and secrets of a build on this machine; the secrets' files are written beside the engine's folder."""
    secrets = {"pip": host_settings.pip_settings(), "apt": host_settings.apt_settings()}
    options = ["--network", "host", "--progress", "plain"]
    for (name, text), planted, sign in zip(secrets.items(), PLANTED, "#/", strict=True):
        path = folder / f"{name}.secret"
        path.touch(mode=0o600)
        path.write_text(f"{text}{sign * (1 if sign == '#' else 2)} {planted}\n")
        options += ["--secret", f"id={name},src={path}"]
    for name in host_settings.proxies(os.environ):
        options += ["--build-arg", name]
    return options


def build(engine: Engine, checkout: Path, base: str, *options: str, repo: str = REPO) -> str:
    """image/build as a person calls it; what it said."""
    env = {**engine.env, "DOCKER": engine.program, "BASE_IMAGE": base}
    done = subprocess.run(
        ["bash", str(checkout / "image" / "build"), repo, *options],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout
