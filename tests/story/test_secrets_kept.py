"""Nothing of ours that holds a secret is readable by others: a whole run with planted ones, looked through."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

import pytest

from tests.live import wait_for
from tests.story.bare_agent import BareAgent
from tests.story.container_laptop import ContainerLaptop
from tests.story.laptop import CLIENT, JOB, Laptop
from tests.story.seen import Seen

pytestmark = pytest.mark.slow
PLANTED = {
    "HF_TOKEN": "hf_PlantedAndNeverToBeSeen01",
    "WANDB_API_KEY": "wandb-planted-and-never-seen-02",
    "GITHUB_TOKEN": "ghp_PlantedAndNeverToBeSeen03",
    "AWS_SECRET_ACCESS_KEY": "aws/planted+and/never+seen+04",
}
MANIFEST = """
[job.story]
repo = "{repo}"
command = "env; exec python3 trainer.py --steps 40 --pause 0.05 --wait-at 17"
"""


@pytest.fixture
def laptop(either_laptop) -> Laptop:
    """On both kinds of pods."""
    return either_laptop


def open_to_others(top: Path, secrets: Mapping[str, bytes]) -> list[str]:
    """Files below ``top`` that hold one of these and that somebody else could read: file and all folders on the way."""
    found = []
    for path in files_below(top):
        try:
            if is_private(path, top):
                continue
            data = path.read_bytes()
        except OSError:  # gone meanwhile
            continue
        found += [f"{name} in {path}" for name, secret in secrets.items() if secret in data]
    return found


def files_below(top: Path) -> list[Path]:
    """Regular files; what goes while one looks is not there."""
    found = [Path(folder) / name for folder, _, names in os.walk(top) for name in names]
    return [path for path in found if path.is_file() and not path.is_symlink()]


def is_private(path: Path, top: Path) -> bool:
    """Whether the file, or a folder above it up to ``top``, keeps everybody else out."""
    ways = [path, *path.parents]
    ways = ways[: ways.index(top) + 1]
    return any(not stat.S_IMODE(way.stat().st_mode) & 0o077 for way in ways)


class Watch:
    """Looks at every process's arguments, again and again, for secrets in them."""

    def __init__(self, secrets: Callable[[], Mapping[str, bytes]]) -> None:
        self._secrets = secrets
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.found: set[str] = set()
        self.looks = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.03):
            self.looks += 1
            secrets = self._secrets()
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    words = path.read_bytes()
                except OSError:
                    continue
                self.found |= {f"{name} in {words!r}" for name, secret in secrets.items() if secret in words}


def secrets_of(laptop) -> dict[str, bytes]:
    """What was planted, and what was made: keys of account and pod, the token."""
    known = {name: value.encode() for name, value in PLANTED.items()}
    sim = Path(laptop.env["XDG_STATE_HOME"]) / "podkeep" / "sim"
    server, pods = sim / "server.json", Path(laptop.env["XDG_CONFIG_HOME"]) / "podkeep" / "pods.json"
    if server.exists():
        known["the account's key"] = json.loads(server.read_text())["key"].encode()
    for record in sim.glob("pods/*/pod.json"):
        known["the pod's key"] = json.loads(record.read_text())["key"].encode()
    if pods.exists():
        for pod in json.loads(pods.read_text())["pods"].values():
            known["the token"] = pod["token"].encode()
    return known


def test_nothing_that_holds_a_secret_is_readable_by_others(laptop):
    """On laptop, simulator and pod, during a run and after it: no open file, no argument holds one; logs show stars."""
    laptop.env.update(PLANTED)
    (laptop.repo / "pod.toml").write_text(MANIFEST.format(repo=laptop.source or laptop.repo))
    homes = [Path(laptop.env[name]) for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")]
    wishes = [word for name in PLANTED for word in ("--env", name)]
    with Watch(lambda: secrets_of(laptop)) as watch:
        story = laptop.start(CLIENT, "up", "--local", JOB, *wishes)
        waits = story.waits(17)
        open_during = open_places(laptop, homes)
        story.goes_on(*waits)
        assert story.ends() == 0, story.evidence()
    secrets = secrets_of(laptop)
    assert len(secrets) == len(PLANTED) + 3
    assert open_during == []
    assert open_places(laptop, homes) == []
    assert watch.looks > 20
    assert watch.found == set()
    for shown in (story.log, story.told.read_text(), *consoles(laptop)):
        assert not [name for name, secret in secrets.items() if secret.decode() in shown]
    assert "HF_TOKEN=" + "*" * len(PLANTED["HF_TOKEN"]) in story.log
    assert holders(homes, secrets) >= {"the token", "the account's key", "the pod's key", *PLANTED}


def test_a_token_of_the_agents_own_lies_in_a_private_file_only(tmp_path):
    """Where nobody gave a token the agent makes one, once, for ssh to read; it is never printed."""
    for _ in range(2):
        with BareAgent(tmp_path, POD_TOKEN="") as agent:
            path = tmp_path / "disk" / "token"
            token = path.read_text().strip()
            assert len(token) >= 40
            assert is_private(path, path)
            assert agent.call("GET", "/status", token=token)[0] == 200
            assert agent.call("GET", "/status", token="another")[0] == 401
            assert token not in agent.said()
            assert open_to_others(tmp_path, {"the token": token.encode()}) == []
    assert holders([tmp_path], {"the token": token.encode()}) == {"the token"}


def open_places(laptop, homes: list[Path]) -> list[str]:
    """As people of the laptop see it, and as people inside the pod see its /workspace, /run, /podkeep and all else."""
    sim = Path(laptop.env["XDG_STATE_HOME"]) / "podkeep" / "sim"
    tops = [*homes, *sim.glob("pods/*/mount"), *sim.glob("pods/*/disk/*")]
    if isinstance(laptop, ContainerLaptop):
        tops += [top for pod in laptop.simulator.pods() for top in disk_of(laptop, pod)]
    secrets = secrets_of(laptop)
    return [found for top in tops for found in open_to_others(top, secrets)]


def disk_of(laptop, pod: str) -> list[Path]:
    """Where a container writes on its own disk; nowhere once it is gone."""
    names = ("etc", "home", "mnt", "opt/podkeep", "podkeep", "root", "run", "srv", "tmp", "var")
    root = Seen(laptop.simulator, pod).root()
    return [root / name for name in names if (root / name).is_dir()]


def holders(homes: list[Path], secrets: Mapping[str, bytes]) -> set[str]:
    """Which of them lie in any file at all: what was looked for could have been found."""
    found = set()
    for path in (path for home in homes for path in files_below(home)):
        with contextlib.suppress(FileNotFoundError):  # a stop wipes the pod's disk meanwhile
            data = path.read_bytes()
            found |= {name for name, secret in secrets.items() if secret in data}
    return found


def consoles(laptop) -> list[str]:
    pods = wait_for("pods", laptop.simulator.pods)
    return [str(laptop.simulator.call("GET", f"/sim/pods/{pod}/console")[1]) for pod in pods]
