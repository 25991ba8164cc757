"""The torch rule: the image's torch is used where it satisfies what is asked for; else the pin wins, and is said."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig

import pytest

from tests.agent.install_place import TORCH, InstallPlace
from tests.fakes.package_index import PackageIndex

pytestmark = pytest.mark.slow  # each makes environments and asks a server

UV = shutil.which("uv", path=f"{sys.prefix}/bin:{os.environ.get('PATH', '')}")
HEAVY = 3_000_000


@pytest.fixture
def place(tmp_path):
    """An image with torch 2.6.0+cu124; the index has others, each with a CUDA library of its own."""
    with PackageIndex() as index:
        for version, cuda in (("2.5.1", "12.1"), ("2.6.0", "12.4"), ("2.7.0", "12.6")):
            index.add("torch", version, requires=[f"nvidia-cublas-cu12=={cuda}"], zeros=HEAVY)
            index.add("nvidia-cublas-cu12", cuda)
        for name in ("transformers", "accelerate", "lightning"):
            index.add(name, "4.0", requires=["torch>=2.0"])
        yield InstallPlace(tmp_path, index)


def lock(place, text):
    """uv.lock, as uv itself makes it from this list of dependencies."""
    if UV is None:
        pytest.skip("uv is not here: pip install -r tests/torch.txt")
    place.file(
        "pyproject.toml",
        f'[project]\nname = "mine"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = [{text}]\n',
    )
    env = {**os.environ, **place.index.env()}
    subprocess.run([UV, "lock", "-q"], cwd=place.folder, env=env, check=True)
    (place.bins / "uv").unlink(missing_ok=True)
    (place.bins / "uv").symlink_to(UV)


def where(place, made):
    return place.ask(made, "import torch; print(torch.__file__)")


@pytest.mark.parametrize(
    "listed", ["torch", "torch>=2", "torch==2.6.0", "torch>=2\ntransformers\naccelerate\nlightning"]
)
def test_requirements_that_the_image_s_torch_satisfies_install_no_second(place, listed):
    """The image's torch is the one that is imported, and not one CUDA library is fetched."""
    place.file("requirements.txt", f"{listed}\n")
    made = place.install()
    assert not any(name.startswith(("torch-", "nvidia")) for name in place.own(made))
    assert where(place, made).startswith(str(place.site))
    assert made.warnings == ()
    assert not [path for path in place.index.requests if path.endswith(".whl") and "torch" in path]


def test_a_project_that_the_image_s_torch_satisfies_installs_no_second(place):
    """The same through the [project] table of a pyproject.toml."""
    head = '[project]\nname = "mine"\nversion = "1"\ndependencies = ["torch>=2", "transformers"]\n'
    place.file("pyproject.toml", f"{head}[tool.uv]\npackage = false\n")
    made = place.install()
    assert place.own(made) == {"transformers-4.0"}
    assert where(place, made).startswith(str(place.site))


def test_hashed_requirements_take_the_image_s_torch_too(place):
    """Pins with hashes, as exporters write them: what is there already needs no file to be hashed."""
    wheel = place.index.page("transformers")["transformers-4.0-py3-none-any.whl"]
    text = f"torch==2.6.0 --hash=sha256:{'0' * 64}\nnvidia-cublas-cu12==12.4 --hash=sha256:{'0' * 64}\n"
    place.file("requirements.txt", f"{text}transformers==4.0 --hash=sha256:{wheel.sha256}\n")
    assert place.own(place.install()) == {"transformers-4.0"}


def test_another_pin_wins_and_its_cost_is_said(place):
    """A pin that the image's torch does not satisfy is installed; log and status name both, megabytes and seconds."""
    place.file("requirements.txt", "torch==2.5.1\ntransformers\n")
    made = place.install()
    assert {"torch-2.5.1", "nvidia_cublas_cu12-12.1"} <= place.own(made)
    assert where(place, made).startswith(str(place.envs / made.hash))
    (said,) = made.warnings
    assert said.startswith(
        f"the image's torch {TORCH} does not satisfy what is asked for: torch 2.5.1 was installed"
    )
    assert "(3 MB; the installing took " in said
    assert f"podkeep: {said}\n" in place.text
    assert place.ask(made, "import torch; print(torch.version)") == "2.5.1"


def test_an_image_without_torch_gets_the_job_s_without_a_word(tmp_path):
    """Where there was none, one torch is no second one."""
    with PackageIndex() as index:
        index.add("torch", "2.6.0")
        place = InstallPlace(tmp_path, index, torch=None)
        place.file("requirements.txt", "torch\n")
        made = place.install()
    assert place.own(made) == {"torch-2.6.0"}
    assert made.warnings == ()


def test_a_lock_of_uv_with_the_image_s_version_takes_the_image_s(place):
    """uv is told to leave out torch and all that only torch needs; a pin without +cu124 takes any build."""
    lock(place, '"torch==2.6.0", "transformers"')
    made = place.install()
    assert place.own(made) == {"transformers-4.0"}
    assert where(place, made).startswith(str(place.site))
    assert "2 of the lock's packages are left to the image" in place.text


def test_a_lock_of_uv_with_another_version_wins(place):
    """The lock is exact: its torch is installed with its own CUDA library, and it is said."""
    lock(place, '"torch<2.6", "transformers"')
    made = place.install()
    assert place.own(made) == {"transformers-4.0", "torch-2.5.1", "nvidia_cublas_cu12-12.1"}
    assert where(place, made).startswith(str(place.envs / made.hash))
    assert "torch 2.5.1 was installed beside it (3 MB;" in made.warnings[0]


def test_what_the_lock_s_author_names_is_installed_although_torch_needs_it(place):
    """Only what nobody but torch needs is left to the image's torch: a pin of the author's own is kept."""
    lock(place, '"torch==2.6.0", "nvidia-cublas-cu12==12.4"')
    assert place.own(place.install()) == set(), "the image has that very version"
    shutil.rmtree(place.site / "nvidia_cublas_cu12-12.4.dist-info")
    place.has("nvidia-cublas-cu12", "12.9")
    assert place.own(place.install()) == {"nvidia_cublas_cu12-12.4"}


def test_another_image_is_another_environment(place):
    """What the image brings is part of the name: an environment made beside torch 2.6 is not used beside 2.7."""
    place.file("requirements.txt", "torch\n")
    made = place.install()
    assert place.install().reused
    shutil.rmtree(place.site / f"torch-{TORCH}.dist-info")
    place.has("torch", "2.7.0+cu126", requires=[])
    again = place.install()
    assert not again.reused
    assert again.hash != made.hash


def test_commands_of_the_image_start_the_environment_s_python(place):
    """`torchrun` of the image sees what the job installed; a command of the job's own package stays its own."""
    code = "import sys, transformers\ndef main(): print(sys.prefix)\n"
    place.has(
        "launcher",
        files={"launcher.py": code},
        scripts=dict.fromkeys(("torchrun", "tool", "conda"), "launcher:main"),
    )
    place.index.add(
        "mytool", files={"mytool.py": "def main(): print('mine')\n"}, scripts={"tool": "mytool:main"}
    )
    place.file("requirements.txt", "transformers\nmytool\n")
    made = place.install()
    assert place.run(made, "torchrun") == str(place.envs / made.hash)
    assert place.run(made, "tool") == "mine"
    assert not (place.envs / made.hash / "bin" / "conda").exists(), "conda manages the image's prefix"
    assert str(place.envs / made.hash) in place.run(made, "pip", "-v", "debug").replace("\n", " ")


@pytest.mark.torch
def test_the_real_torch_of_this_machine_is_used(tmp_path):
    """torch, transformers, accelerate and lightning of the image satisfy a job that lists them: nothing is fetched."""
    for name in ("torch", "transformers", "accelerate", "lightning"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not here: pip install -r tests/torch.txt")
    with PackageIndex() as index:
        index.add("torch", "2.4.0")
        index.add("ours", requires=["torch>=2"])
        place = InstallPlace(tmp_path, index, torch=None)
        (place.site / "all.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
        place.file("requirements.txt", "torch\ntorch>=2\ntransformers\naccelerate\nlightning\nours\n")
        made = place.install()
        assert place.own(made) == {"ours-1.0"}
        code = "import torch, transformers, ours; print(torch.ones(2).sum().item())"
        assert place.ask(made, code).splitlines()[-1] == "2.0"
        place.file("requirements.txt", "torch==2.4.0\nours\n")
        other = place.install()
        assert "torch-2.4.0" in place.own(other)
        assert "torch 2.4.0 was installed beside it" in other.warnings[0]
