"""A base with torch whose job lists torch: the real one, of this machine, where the container's Python looks."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import pytest

from tests.fakes.package_index import PackageIndex
from tests.image.container import Container

pytestmark = [pytest.mark.docker, pytest.mark.slow]
EXIT = {"POD_ON_FINISH": "exit", "POD_ON_FAILURE": "exit"}
TRAIN = """
import steplines, torch
print("torch", torch.__version__, "of", torch.__file__)
print("the sum is", torch.ones(3).sum().item(), steplines.WORDS)
"""

OTHER = """
__version__ = "99.0"
class ones:
    def __init__(self, n): pass
    sum = item = lambda self: self
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    place = tmp_path / "workspace"
    place.mkdir()
    (place / "train.py").write_text(TRAIN)
    return place


@pytest.fixture(scope="module")
def packages(engine, built_image) -> dict[Path, str]:
    """Torch and all that it needs, folder by folder, to be mounted where the base's own packages lie."""
    try:
        places = list(tops("torch"))
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("torch is not here: pip install -r tests/torch.txt")
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    theirs = engine.run("run", "--rm", "--entrypoint", "python3", built_image.id, "-c", ask).stdout.strip()
    where = f"/usr/local/lib/python{theirs}/dist-packages"
    return {place.resolve(): f"{where}/{place.name}:ro" for place in places}


def tops(name: str, seen: set[str] | None = None):
    """The files and folders right in site-packages that belong to a distribution and to those that it needs."""
    seen = set() if seen is None else seen
    if name.lower() in seen:
        return
    seen.add(name.lower())
    found = importlib.metadata.distribution(name)
    for top in {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
        if not top.endswith(".pth"):
            yield Path(str(found.locate_file(top)))
    for line in found.requires or ():
        if "extra ==" not in line:
            yield from tops(re.match(r"[\w.-]+", line)[0], seen)


def test_the_image_s_torch_is_used_as_it_is(engine, built_image, workspace, packages):
    """What the job lists beside it is installed; torch is not asked for, and computes."""
    (workspace / "requirements.txt").write_text("torch>=2\nsteplines\n")
    with PackageIndex() as index:
        index.add("steplines", files={"steplines.py": "WORDS = 'with a package'\n"})
        index.add("torch", "99.0", files={"torch.py": "raise SystemExit('another torch')\n"})
        mounts = {workspace: "/workspace", **packages}
        with Container(
            engine, built_image.id, "python", "train.py", mounts=mounts, **EXIT, **index.env()
        ) as pod:
            assert pod.ended(within_s=300) == 0, pod.logs()
        asked = [path for path in index.requests if "torch" in path and path.endswith(".whl")]
    said = pod_log(workspace)
    version = importlib.metadata.version("torch")
    assert re.search(rf"torch {re.escape(version)} of /usr/local/lib/python3\.\d+/dist-packages/torch/", said)
    assert "the sum is 3.0 with a package\nEXIT_CODE=0\n" in said
    assert asked == []


def test_a_pin_that_it_does_not_satisfy_wins(engine, built_image, workspace, packages):
    """The job gets the version that it asks for, and the log says what that costs."""
    (workspace / "requirements.txt").write_text("torch==99.0\nsteplines\n")
    with PackageIndex() as index:
        index.add("steplines", files={"steplines.py": "WORDS = ''\n"})
        index.add("torch", "99.0", files={"torch.py": OTHER})
        mounts = {workspace: "/workspace", **packages}
        with Container(
            engine, built_image.id, "python", "train.py", mounts=mounts, **EXIT, **index.env()
        ) as pod:
            assert pod.ended(within_s=300) == 0, pod.logs()
    assert "torch 99.0 of /" in pod_log(workspace)
    assert "dist-packages" not in pod_log(workspace).partition("torch 99.0 of ")[2].partition("\n")[0]


def pod_log(workspace: Path) -> str:
    (log,) = workspace.glob(".podkeep/jobs/*/log")
    return log.read_text()
