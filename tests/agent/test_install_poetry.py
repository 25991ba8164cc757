"""poetry.lock, with the real Poetry: fetched beside the job, its pins installed by pip, the torch rule kept."""

from __future__ import annotations

import os
import subprocess

import pytest

from pod_agent.run.environment.kinds.poetry_lock import PoetryLock
from pod_agent.run.environment.locked import Locked, of_the_image
from pod_agent.run.environment.requirements import Wanted
from pod_agent.run.work import StepFailed
from tests.agent.install_place import BASE, InstallPlace
from tests.fakes.package_index import PackageIndex
from tests.once import once

HEAD = """[tool.poetry]
name = "mine"
version = "1"
description = ""
authors = []
package-mode = false
[tool.poetry.dependencies]
python = ">=3.9"
{listed}
[tool.poetry.extras]
train = ["more"]
[tool.poetry.group.dev.dependencies]
tested = "*"
[tool.poetry.group.docs]
optional = true
[tool.poetry.group.docs.dependencies]
written = "*"
[[tool.poetry.source]]
name = "local"
url = "{url}"
"""
RUN = "import sys; sys.path.insert(0, {folder!r}); from poetry.console.application import main; sys.exit(main())"


@pytest.fixture(scope="module")
def poetry(tmp_path_factory):
    """The real Poetry, as the agent fetches it: from this machine's index, into a folder of its own."""

    def fetch(folder):
        words = [BASE, "-m", "pip", "install", "-q", "--target", str(folder)]
        words += ["poetry", "poetry-plugin-export"]
        done = subprocess.run(words, check=False, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"Poetry cannot be fetched here: {done.stderr[-300:]}")

    return once(tmp_path_factory, "poetry", fetch)


@pytest.fixture
def place(tmp_path):
    with PackageIndex() as index:
        for version, cuda in (("2.5.1", "12.1"), ("2.6.0", "12.4")):
            index.add("torch", version, requires=[f"nvidia-cublas-cu12=={cuda}"], zeros=3_000_000)
            index.add("nvidia-cublas-cu12", cuda)
        index.add("transformers", "4.0", requires=["torch>=2.0"])
        for name in ("more", "tested", "written"):
            index.add(name)
        yield InstallPlace(tmp_path, index)


def lock(place, poetry, listed):
    """poetry.lock as Poetry makes it; the image gets a `poetry` that can export."""
    more = '\nmore = { version = "*", optional = true }'
    place.file("pyproject.toml", HEAD.format(listed=listed + more, url=place.index.url))
    program = place.bins / "poetry"
    program.write_text(f"#!{BASE} -S\n{RUN.format(folder=str(poetry))}\n")
    program.chmod(0o755)
    env = {**os.environ, **place.env, "PATH": f"{place.bins}:/usr/bin:/bin"}
    subprocess.run([program, "lock", "-q"], cwd=place.folder, env=env, check=True)


@pytest.mark.slow
def test_the_lock_is_installed_and_the_image_s_torch_kept(place, poetry):
    """The same version as the image's: no second torch; groups as `poetry install` has them, extras when named."""
    lock(place, poetry, 'torch = "2.6.0"\ntransformers = "*"')
    made = place.install()
    assert place.own(made) == {"transformers-4.0", "tested-1.0"}
    assert place.ask(made, "import torch; print(torch.__file__)").startswith(str(place.site))
    assert "podkeep: 2 of the lock's packages are left to the image" in place.text
    made = place.install(requirements=".[train]")
    assert place.own(made) == {"transformers-4.0", "tested-1.0", "more-1.0"}


@pytest.mark.slow
def test_another_pin_of_the_lock_wins(place, poetry):
    """The lock's own torch comes with its CUDA library, and it is said; the project's modules can be imported."""
    lock(place, poetry, 'torch = "2.5.1"')
    place.file("mine.py", "value = 4\n")
    made = place.install()
    assert place.own(made) == {"torch-2.5.1", "nvidia_cublas_cu12-12.1", "tested-1.0"}
    assert "torch 2.5.1 was installed beside it" in made.warnings[0]
    assert place.ask(made, "import os; os.chdir('/'); import mine; print(mine.value)") == "4"


@pytest.mark.slow
def test_a_lock_that_no_longer_fits_is_refused(place, poetry):
    """A pyproject.toml that has changed since, and one for another Python, fail with the remedy."""
    lock(place, poetry, 'transformers = "*"')
    path = place.folder / "pyproject.toml"
    text = path.read_text()
    path.write_text(text.replace('transformers = "*"', 'transformers = ">=3"'))
    with pytest.raises(StepFailed, match="has changed since it was locked") as caught:
        place.install()
    assert "run `poetry lock`" in caught.value.hint


def test_a_lock_for_another_python_is_refused(place):
    """pip passes over pins for another Python without a word of failure; a job without its packages is not begun."""
    place.file(
        "pyproject.toml", '[tool.poetry]\npackage-mode = false\ndependencies = { python = ">=3.99" }\n'
    )
    place.file("poetry.lock", "package = []\n")
    program = place.bins / "poetry"  # says what Poetry says for such a project
    program.write_text('#!/bin/sh\n[ "$5" = "" ] || echo \'more==1.0 ; python_version >= "3.99"\' > "$5"\n')
    program.chmod(0o755)
    with pytest.raises(StepFailed, match=r"all of it is for another Python than 3\.") as caught:
        place.install()
    assert "use an image with the Python" in caught.value.hint


@pytest.mark.slow
def test_poetry_is_fetched_beside_the_job_and_removed(place, poetry, tmp_path):
    """Where the image has none, it comes from the job's index, and nothing of it stays or reaches the job."""
    lock(place, poetry, 'transformers = "*"')
    (place.bins / "poetry").unlink()
    wheels = tmp_path / "wheels"
    words = [BASE, "-m", "pip", "download", "-q", "-d", str(wheels), "poetry", "poetry-plugin-export"]
    subprocess.run(words, check=True, capture_output=True)
    made = place.install({"PIP_FIND_LINKS": str(wheels)})
    assert place.own(made) == {
        "transformers-4.0",
        "torch-2.6.0",
        "tested-1.0",
    } or "torch-2.6.0" not in place.own(made)
    assert "podkeep: fetching poetry to read the lock file; it is removed afterwards" in place.text
    assert [path.name for path in place.envs.iterdir() if path.is_dir()] == [made.hash]
    assert place.ask(made, "import importlib.util as u; print(u.find_spec('poetry'))") == "None"


def test_only_what_torch_alone_needs_goes_with_it():
    """Pure: equal versions stay with the image, forks are the installer's, and the author's own names are kept."""
    packages = [
        Locked("torch", "2.6.0", ("cublas", "sympy", "triton")),
        Locked("cublas", "12"),
        Locked("triton", "3"),
        Locked("sympy", "1.13", ("mpmath",)),
        Locked("mpmath", "1.3"),
        Locked("numpy", "2.1"),
        Locked("fork", "1"),
        Locked("fork", "2"),
        Locked("trainer", "1", ("torch", "numpy")),
    ]
    image = {"torch": "2.6.0+cu124", "numpy": "2.1", "sympy": "1.14", "fork": "1", "triton": "9"}
    assert of_the_image(packages, {"trainer", "sympy", "fork"}, image) == {
        "torch",
        "cublas",
        "triton",
        "numpy",
    }
    other = {**image, "torch": "2.5.1+cu124"}
    assert of_the_image(packages, {"trainer", "sympy", "fork"}, other) == {"numpy"}
    exact = [Locked("torch", "2.6.0+cu126")]
    assert of_the_image(exact, {"torch"}, image) == set(), "a pin of one build takes no other"


def test_the_lock_file_s_name_covers_what_it_locks(tmp_path):
    """Lock, project and a local package change the environment's name; other files do not."""
    (tmp_path / "pyproject.toml").write_text("[tool.poetry]\n")
    local = '[[package]]\nname = "lib"\n[package.source]\ntype = "directory"\nurl = "lib"\n'
    (tmp_path / "poetry.lock").write_text(local)
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "lib.py").write_text("a = 1\n")

    def digest() -> Wanted:
        return PoetryLock(tmp_path / "poetry.lock").wanted()

    seen = [digest()]
    (tmp_path / "train.py").write_text("")
    assert digest() == seen[0]
    for name, text in (
        ("lib/lib.py", "a = 2\n"),
        ("poetry.lock", local + "\n"),
        ("pyproject.toml", "[tool.x]\n"),
    ):
        (tmp_path / name).write_text(text)
        seen.append(digest())
    assert len({one.digest for one in seen}) == 4
    assert PoetryLock(tmp_path / "poetry.lock", ("train",)).wanted() != digest()
