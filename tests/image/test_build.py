"""The real Dockerfile, built by the real image/build on a plain root: what it adds, what it hides, what it repeats."""

from __future__ import annotations

import gzip
import io
import json
import re
import shutil
import subprocess
import tarfile
import time
import tomllib
from collections.abc import Iterator
from typing import IO

import pytest

from tests.image.engine import Engine
from tests.image.fixtures import PLANTED, REPO, ROOT, Built, build

pytestmark = pytest.mark.docker

MOST_ADDED_MB = 250
MOST_CACHED_S = 20  # a promise of the image; it takes one
BLOCK = 1 << 20


def size_mb(engine: Engine, image: str) -> float:
    return int(engine.run("image", "inspect", "-f", "{{.Size}}", image).stdout) / 1e6


def config(engine: Engine, built: Built) -> dict:
    return json.loads(engine.run("image", "inspect", "-f", "{{json .Config}}", built.id).stdout)


def test_it_adds_less_than_it_may(engine, base_image, built_image, record_property):
    """On a plain root without Python and git the image adds less than 250 MB."""
    added = size_mb(engine, built_image.id) - size_mb(engine, base_image)
    record_property("added_mb", round(added))
    print(f"added to the base: {added:.0f} MB")  # noqa: T201 - the figure, seen with -s
    assert 0 < added < MOST_ADDED_MB


def test_the_smoke_test_passes_inside(engine, built_image):
    """image/smoke.sh finds nothing wrong in the image, without a network."""
    words = ["run", "--rm", "-i", "--network", "none", "--entrypoint", "bash", built_image.id, "-s"]
    done = engine.run(*words, text=(built_image.checkout / "image" / "smoke.sh").read_text(), check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("all well\n")


def test_the_smoke_test_notices_what_is_wrong(engine, built_image):
    """An image with a host key, a token and a broken agent is told apart from a whole one."""
    spoil = (
        "touch /etc/ssh/ssh_host_rsa_key; rm -rf /opt/podkeep/lib/python3*/site-packages/psutil; exec bash -s"
    )
    words = ["run", "--rm", "-i", "--network", "none", "--env", "SOME_API_KEY=it", "--entrypoint", "bash"]
    script = (built_image.checkout / "image" / "smoke.sh").read_text()
    done = engine.run(*words, built_image.id, "-c", spoil, text=script, check=False)
    wrong = re.findall(r"^WRONG +(.*)$", done.stdout, re.MULTILINE)
    assert "no private key, no token, no login" in wrong
    assert "the agent's environment is its own, and whole" in wrong
    assert {"ssh_host_rsa_key", "SOME_API_KEY"} <= set(
        re.findall(r"ssh_host_rsa_key|SOME_API_KEY", done.stdout)
    )
    assert done.returncode == len(wrong)


def test_the_second_build_is_from_cache(engine, base_image, built_image):
    """Built again with nothing changed, no step is run, and it takes less than 20 s."""
    began = time.monotonic()
    output = build(engine, built_image.checkout, base_image, *built_image.options)
    took_s = time.monotonic() - began
    steps = re.findall(r"^#(\d+) \[[^\]]*\d+/\d+\] (?:RUN|COPY)", output, re.MULTILINE)
    cached = re.findall(r"^#(\d+) CACHED", output, re.MULTILINE)
    assert len(set(steps)) >= 6, output
    assert set(steps) <= set(cached), output
    assert took_s < MOST_CACHED_S


def test_a_change_of_ours_installs_nothing_again(engine, built_image, tmp_path):
    """A changed line of the agent runs neither apt nor the installing of the locked packages."""
    copy = tmp_path / "checkout"
    shutil.copytree(built_image.checkout, copy, symlinks=True)
    with (copy / "agent/pod_agent/voice.py").open("a") as file:
        file.write("# another line\n")
    words = ["build", "--platform", "linux/amd64", "--build-arg", f"BASE_IMAGE={built_image.base}"]
    done = engine.run(*words, *built_image.options, "--iidfile", str(tmp_path / "id"), str(copy))
    output = done.stdout + done.stderr
    steps = dict(re.findall(r"^#(\d+) \[[^\]]*\d+/\d+\] (RUN[^\n]*)", output, re.MULTILINE))
    cached = set(re.findall(r"^#(\d+) CACHED", output, re.MULTILINE))
    engine.run("rmi", "-f", (tmp_path / "id").read_text())
    again = [text for number, text in steps.items() if number not in cached]
    assert [text for text in again if "apt-get" in text or "agent.lock" in text] == []
    assert any("pip wheel" in text for text in again), output


def test_what_the_build_was_told_is_in_no_layer(engine, built_image):
    """The secrets of the build are in no layer, no history and no setting of the image."""
    history = engine.run("history", "--no-trunc", built_image.id).stdout
    inspected = engine.run("image", "inspect", built_image.id).stdout
    needles = [word.encode() for word in PLANTED]
    assert [word for word in PLANTED if word in history + inspected] == []
    with engine.start("save", built_image.id, stdout=subprocess.PIPE) as saving:
        seen, found = 0, set()
        for block in contents(saving.stdout):
            seen += len(block)
            found |= {needle for needle in needles if needle in block}
    assert saving.returncode == 0
    assert seen > 100e6
    assert found == set()


def contents(saved: IO[bytes]) -> Iterator[bytes]:
    """Every byte of every layer, unpacked, in blocks that overlap."""
    with tarfile.open(fileobj=saved, mode="r|") as archive:
        for member in archive:
            if not member.isfile():
                continue
            layer = archive.extractfile(member)
            start = layer.read(2)
            joined: IO[bytes] = io.BufferedReader(_Joined(start, layer))
            stream = gzip.GzipFile(fileobj=joined) if start == b"\x1f\x8b" else joined
            last = b""
            while block := stream.read(BLOCK):
                yield last + block
                last = block[-100:]


class _Joined(io.RawIOBase):
    """A stream whose first bytes were already read."""

    def __init__(self, start: bytes, rest: IO[bytes]) -> None:
        self._start, self._rest = start, rest

    def readable(self) -> bool:
        return True

    def readinto(self, into) -> int:
        data, self._start = (self._start, b"") if self._start else (self._rest.read(len(into)), b"")
        into[: len(data)] = data
        return len(data)


def test_it_says_what_it_is(engine, built_image):
    """Labels tell version and commit; the names are the short commit, the version and latest."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    labels = config(engine, built_image)["Labels"]
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=built_image.checkout, capture_output=True, text=True, check=True
    )
    assert labels["org.opencontainers.image.version"] == version
    assert labels["org.opencontainers.image.revision"] == commit.stdout.strip()
    names = built_image.output.splitlines()[-3:]
    assert re.fullmatch(rf"{REPO}:[0-9a-f]{{7,40}}(-dirty)?", names[0])
    assert names[1:] == [f"{REPO}:{version}", f"{REPO}:latest"]


def test_its_start_is_ours_whatever_the_base_had(engine, built_image):
    """tini runs the entrypoint, RunPod's start command follows, TERM stops it, Docker can ask for its health."""
    told = config(engine, built_image)
    assert told["Entrypoint"] == ["/usr/bin/tini", "--", "/opt/podkeep/share/podkeep/entrypoint.sh"]
    assert not told.get("Cmd")
    assert told["StopSignal"] == "SIGTERM"
    assert told["User"] in {"root", "0", ""}
    assert told["Healthcheck"]["Test"][1] == "/opt/podkeep/bin/python"
    assert {"8787/tcp", "22/tcp"} <= told["ExposedPorts"].keys()
