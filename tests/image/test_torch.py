"""A base with a real torch whose job lists torch: the real Dockerfile on it, and containers of what comes of that."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.package_index import PackageIndex
from tests.image.container import Container
from tests.image.engine import Engine
from tests.image.fixtures import Built
from tests.image.layered import layered

pytestmark = [pytest.mark.docker, pytest.mark.slow]
EXIT = {"POD_ON_FINISH": "exit", "POD_ON_FAILURE": "exit"}
BASE = """
FROM {base}
RUN --mount=type=secret,id=apt,target=/etc/apt/apt.conf.d/zz-of-the-test \\
    apt-get update -qq && apt-get install -y -qq --no-install-recommends python3 python3-venv && \\
    rm -rf /var/lib/apt/lists/*
COPY . /usr/local/lib/python{python}/dist-packages/
"""
UNUSED = (
    "torch/include",
    "torch/test",
    "torch/bin/*test*",
    "**/*.a",
)  # a fourth of it, and no import asks for it
TRAIN = """
import importlib.metadata, steplines, torch
print("torches:", len({str(one.locate_file("")) for one in importlib.metadata.distributions(name="torch")}))
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
def with_torch(engine: Engine, built_image: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Our image on a plain base with a Python and torch, which is copied from where the tests have theirs."""
    try:
        site = Path(str(importlib.metadata.distribution("torch").locate_file("")))
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("torch is not here: pip install -r tests/torch.txt")
    mine = "{}.{}".format(*sys.version_info)
    ask = "import sys; print('{}.{}'.format(*sys.version_info))"
    theirs = engine.run("run", "--rm", "--entrypoint", "python3", built_image.id, "-c", ask).stdout.strip()
    if mine != theirs:
        pytest.skip(f"torch here is Python {mine}'s, the base has {theirs}: test with the distribution's own")
    recipe = tmp_path_factory.mktemp("with_torch") / "Dockerfile"
    recipe.write_text(BASE.format(base=built_image.base, python=mine))
    wanted = sorted(tops("torch", site) | tops("pip", site))  # who has torch has the pip that brought it
    wanted = ["!" + top.replace("+", "?") for top in wanted]  # a plus sign would be a pattern's there
    recipe.with_name("Dockerfile.dockerignore").write_text("\n".join(["*", *wanted, *UNUSED]))
    words = [*built_image.options, "--file", str(recipe), str(site)]
    with layered(engine, built_image, "torch", *words) as name:
        yield name


def tops(name: str, site: Path, seen: set[str] | None = None) -> set[str]:
    """The files and folders right in ``site`` that belong to a distribution and to those that it needs."""
    seen = set() if seen is None else seen
    if name.lower() in seen:
        return set()
    seen.add(name.lower())
    mine: set[str] = set()
    for found in importlib.metadata.distributions(name=name, path=[str(site)]):  # none: needed elsewhere only
        mine |= {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}
        for line in found.requires or ():
            if "extra ==" not in line:
                mine |= tops(re.match(r"[\w.-]+", line)[0], site, seen)
    return {top for top in mine if not top.endswith(".pth")}


def test_the_image_s_torch_is_used_as_it_is(engine, workspace, with_torch):
    """What the job lists beside it is installed; torch is not asked for, is there once, and computes."""
    (workspace / "requirements.txt").write_text("torch>=2\nsteplines\n")
    with PackageIndex() as index:
        index.add("steplines", files={"steplines.py": "WORDS = 'with a package'\n"})
        index.add("torch", "99.0", files={"torch.py": "raise SystemExit('another torch')\n"})
        words = ("python", "train.py")
        with Container(
            engine, with_torch, *words, mounts={workspace: "/workspace"}, **EXIT, **index.env()
        ) as pod:
            assert pod.ended(within_s=300) == 0, pod.logs()
        asked = [path for path in index.requests if "torch" in path and path.endswith(".whl")]
    said = pod_log(workspace)
    version = importlib.metadata.version("torch")
    assert re.search(rf"torch {re.escape(version)} of /usr/local/lib/python3\.\d+/dist-packages/torch/", said)
    assert "torches: 1\n" in said
    assert "the sum is 3.0 with a package\nEXIT_CODE=0\n" in said
    assert asked == []


def test_a_pin_that_it_does_not_satisfy_wins(engine, workspace, with_torch):
    """The job gets the version that it asks for, and the log says what that costs."""
    (workspace / "requirements.txt").write_text("torch==99.0\nsteplines\n")
    with PackageIndex() as index:
        index.add("steplines", files={"steplines.py": "WORDS = ''\n"})
        index.add("torch", "99.0", files={"torch.py": OTHER})
        words = ("python", "train.py")
        with Container(
            engine, with_torch, *words, mounts={workspace: "/workspace"}, **EXIT, **index.env()
        ) as pod:
            assert pod.ended(within_s=300) == 0, pod.logs()
    assert "torch 99.0 of /" in pod_log(workspace)
    assert "dist-packages" not in pod_log(workspace).partition("torch 99.0 of ")[2].partition("\n")[0]


def pod_log(workspace: Path) -> str:
    (log,) = workspace.glob(".podkeep/jobs/*/log")
    return log.read_text()
