"""What each kind of package list installs, with the real pip, uv and venv, from an index on loopback."""

from __future__ import annotations

import pytest

from pod_agent.run.work import StepFailed
from tests.agent.install_place import InstallPlace
from tests.fakes.package_index import PackageIndex

pytestmark = pytest.mark.slow  # each makes environments and asks a server

HATCH = '[build-system]\nrequires = ["own-backend"]\nbuild-backend = "own_backend"\n'
BACKEND = """
import base64, hashlib, os, tomllib, zipfile

def _wheel(directory, parts):
    project = tomllib.loads(open("pyproject.toml").read())["project"]
    name, version = project["name"].replace("-", "_"), project["version"]
    info = f"{name}-{version}.dist-info"
    lines = [f"Metadata-Version: 2.1", f"Name: {project['name']}", f"Version: {version}"]
    lines += [f"Requires-Python: {project['requires-python']}"] if "requires-python" in project else []
    lines += [f"Requires-Dist: {one}" for one in project.get("dependencies", ())]
    for extra, needs in project.get("optional-dependencies", {}).items():
        lines += [f"Provides-Extra: {extra}"] + [f'Requires-Dist: {one} ; extra == "{extra}"' for one in needs]
    parts = {**parts, f"{info}/METADATA": "\\n".join(lines) + "\\n"}
    parts[f"{info}/WHEEL"] = "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    if "scripts" in project:
        told = "".join(f"{key} = {value}\\n" for key, value in project["scripts"].items())
        parts[f"{info}/entry_points.txt"] = f"[console_scripts]\\n{told}"
    parts[f"{info}/RECORD"] = "".join(f"{path},,\\n" for path in [*parts, f"{info}/RECORD"])
    path = f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, path), "w") as file:
        for where, text in parts.items():
            file.writestr(where, text)
    return path

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    if os.path.exists("broken"):
        raise SystemExit("the backend says no")
    top = os.path.abspath("src" if os.path.isdir("src") else ".")
    return _wheel(wheel_directory, {"own_project.pth": top + "\\n"})

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return _wheel(wheel_directory, {})
"""


@pytest.fixture
def place(tmp_path):
    with PackageIndex() as index:
        index.add("keeptest")
        index.add("more", "3")
        index.add("own-backend", files={"own_backend.py": BACKEND})
        yield InstallPlace(tmp_path, index)


def project(place, text="", head=HATCH):
    place.file("src/mine/__init__.py", "value = 5\n")
    place.file(
        "pyproject.toml",
        f'{head}[project]\nname = "mine"\nversion = "1"\ndependencies = ["keeptest"]\n{text}',
    )


def test_a_project_is_installed_in_place_with_what_it_depends_on(place):
    """A src/ layout can be imported from any folder, an edit counts at once, its commands are there."""
    project(place, '[project.scripts]\ntell = "mine:tell"\n')
    place.file("src/mine/__init__.py", "value = 5\ndef tell(): print('told', value)\n")
    made = place.install()
    assert place.own(made) == {"keeptest-1.0", "mine-1"}
    assert place.run(made, "tell") == "told 5"
    place.file("src/mine/__init__.py", "value = 6\ndef tell(): print('told', value)\n")
    assert place.install().reused, "sources are used from where they lie"
    assert place.run(made, "tell") == "told 6"
    assert "from pyproject.toml (neither a lock nor requirements.txt is there) made" in place.text


def test_extras_are_installed_when_asked_for(place):
    """POD_REQUIREMENTS `.[train]` and `pyproject.toml[train]` bring the packages of the extra."""
    project(place, '[project.optional-dependencies]\ntrain = ["more"]\n')
    assert place.own(place.install(requirements=".")) == {"keeptest-1.0", "mine-1"}
    for asked in (".[train]", "pyproject.toml[train]", "./[train]"):
        assert place.own(place.install(requirements=asked)) == {"keeptest-1.0", "mine-1", "more-3"}


def test_tool_settings_alone_install_nothing(place):
    """A pyproject.toml that only configures tools is no package list."""
    place.file("pyproject.toml", "[tool.ruff]\nline-length = 100\n[tool.poetry]\nname = 'x'\n")
    assert place.install().hash == ""
    assert not place.envs.exists()


def test_a_flat_project_that_names_no_packages_gives_its_dependencies(place):
    """Where nobody says what its packages are it is no package; its modules can be imported all the same."""
    words = 'raise SystemExit("error: Multiple top-level packages discovered in a flat-layout: [a, b].")\n'
    refuses = BACKEND + f"\ndef get_requires_for_build_editable(settings=None):\n    {words}"
    place.index.add("refuses", files={"refuses.py": refuses})
    place.file("data/__init__.py", "value = 8\n")
    place.file("models/__init__.py", "")
    head = '[build-system]\nrequires = ["refuses"]\nbuild-backend = "refuses"\n'
    listed = '[project]\nname = "mine"\nversion = "1"\ndependencies = [\n  "keeptest",\n]\n'
    place.file("pyproject.toml", head + listed)
    made = place.install()
    assert place.own(made) == {"keeptest-1.0"}
    assert place.ask(made, "import os; os.chdir('/'); import data; print(data.value)") == "8"
    assert "the project names no packages; installing what it depends on" in place.text


def test_a_project_that_says_it_is_no_package_is_not_built(place):
    """`package = false` of uv and `package-mode = false` of Poetry mean: dependencies only."""
    project(place, "[tool.uv]\npackage = false\n", head="")
    assert place.own(place.install()) == {"keeptest-1.0"}
    project(place, "[tool.poetry]\npackage-mode = false\n", head="")
    made = place.install()
    assert place.own(made) == {"keeptest-1.0"}
    assert place.ask(made, "import mine; print(mine.value)") == "5"


def test_a_setup_cfg_that_nobody_builds_gives_its_dependencies(place):
    """setup.cfg without setup.py and without a build system lists packages all the same."""
    place.file(
        "setup.cfg", "[metadata]\nname = mine\n[options]\ninstall_requires =\n    keeptest\n    more>=2\n"
    )
    assert place.own(place.install()) == {"keeptest-1.0", "more-3"}


def test_the_wrong_python_is_said(place):
    """A project for another Python fails with both versions and the remedy."""
    project(place, 'requires-python = ">=3.99"\n')
    with pytest.raises(
        StepFailed, match=r"the project asks for Python >=3\.99 and the image has 3\."
    ) as caught:
        place.install()
    assert "use an image with such a Python" in caught.value.hint


def test_a_project_beside_its_requirements_is_installed_too(place):
    """requirements.txt says what, and the project is put in place without its own list."""
    project(place)
    place.file("requirements.txt", "more\n")
    made = place.install()
    assert place.own(made) == {"more-3", "mine-1"}
    assert place.ask(made, "import mine; print(mine.value)") == "5"
    place.file("requirements.txt", "more\n-e .\n")
    assert place.own(place.install()) == {"more-3", "mine-1", "keeptest-1.0"}


def test_a_project_that_cannot_be_built_does_not_stop_its_requirements(place):
    """What builds badly beside a requirements.txt is a warning, and its folder is on the path."""
    project(place)
    place.file("requirements.txt", "more\n")
    place.file("broken", "")
    made = place.install()
    assert "the project itself could not be installed" in made.warnings[0]
    assert place.ask(made, "import mine; print(mine.value)") == "5"


def test_several_requirements_files_by_a_pattern(place):
    """POD_REQUIREMENTS may name files of a folder, one or by pattern; nested ones count from the file."""
    place.file("requirements/base.txt", "keeptest\n")
    place.file("requirements/train.txt", "-r base.txt\nmore\n")
    assert place.own(place.install(requirements="requirements/train.txt")) == {"keeptest-1.0", "more-3"}
    assert place.own(place.install(requirements="requirements/*.txt")) == {"keeptest-1.0", "more-3"}
    with pytest.raises(StepFailed, match=r"cannot install requirements/\*\.md: there is no such file"):
        place.install(requirements="requirements/*.md")


def test_what_is_not_read_is_named(place):
    """A Pipfile.lock installs nothing and is a warning; named by POD_REQUIREMENTS it is refused with what is read."""
    place.file("Pipfile.lock", "{}")
    done = place.install()
    assert done.hash == ""
    assert "Pipfile.lock is not read" in done.warnings[0]
    with pytest.raises(StepFailed, match=r"cannot install Pipfile\.lock: it is not read here") as caught:
        place.install(requirements="Pipfile.lock")
    assert "uv.lock, poetry.lock" in caught.value.hint


def test_conda_without_micromamba_is_refused_with_the_remedy(place):
    """An environment.yml alone needs micromamba; beside a list for pip it is not needed."""
    place.file("environment.yml", "dependencies:\n  - python=3.11\n  - pip:\n    - keeptest\n")
    with pytest.raises(
        StepFailed, match=r"cannot install environment\.yml: the image has no micromamba"
    ) as caught:
        place.install()
    assert "requirements.txt" in caught.value.hint
    place.file("requirements.txt", "keeptest\n")
    assert place.own(place.install()) == {"keeptest-1.0"}


def test_a_list_above_the_command_s_folder_is_found(place):
    """With POD_SUBDIR the list of the code's root counts where the folder has none; nothing above the root does."""
    place.file("requirements.txt", "keeptest\n")
    place.file("jobs/a/train.py", "")
    made = place.install(subdir="jobs/a")
    assert place.own(made) == {"keeptest-1.0"}
    assert "above the command's folder" in place.text
    place.file("jobs/requirements.txt", "more\n")
    assert place.own(place.install(subdir="jobs/a")) == {"more-3"}
    (place.top / "requirements.txt").write_text("keeptest\n")
    (place.folder / "requirements.txt").unlink()
    assert place.install().hash == ""
