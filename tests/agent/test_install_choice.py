"""Which list a job has, why, and what its environment's name depends on. Nothing is installed here."""

from __future__ import annotations

import pytest

from pod_agent.run.environment.recognise import recognise, unread
from pod_agent.run.work import StepFailed
from pod_wire.job import JobSpec

PROJECT = '[project]\nname = "mine"\nversion = "1"\n'
BUILT = '[build-system]\nrequires = ["hatchling"]\n' + PROJECT
POETRY = '[tool.poetry.dependencies]\npython = ">=3.9"\n'


def put(folder, *names, **texts):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts.get(path.name.partition(".")[0], ""))


def chosen(folder, requirements=None, **more):
    found = recognise(JobSpec("digits", **{"command": "true", **more}, requirements=requirements), folder)
    return None if found is None else (type(found.kind).__name__, found.kind.name, found.why)


EVERYTHING = ("uv.lock", "poetry.lock", "requirements.txt", "pyproject.toml", "setup.py", "environment.yml")


@pytest.mark.parametrize(
    ("gone", "kind", "why"),
    [
        (0, "UvLock", "a lock comes first"),
        (1, "PoetryLock", "a lock comes first"),
        (2, "PipFiles", "no lock is there"),
        (3, "Project", "neither a lock nor requirements.txt is there"),
        (4, "Project", "neither a lock nor requirements.txt is there"),
        (5, "CondaFile", "nothing that pip reads is there"),
    ],
)
def test_the_first_of_the_order_counts(tmp_path, gone, kind, why):
    """The order of the page: each list when those before it lack."""
    put(tmp_path, "pyproject.toml", *EVERYTHING[gone:], pyproject=BUILT if gone < 4 else "[tool.ruff]\n")
    name, _, reason = chosen(tmp_path)
    assert (name, reason) == (kind, why)


@pytest.mark.parametrize(
    ("named", "kind", "name"),
    [
        ("uv.lock", "UvLock", "uv.lock"),
        ("uv.lock[a, b]", "UvLock", "uv.lock[a,b]"),
        ("poetry.lock[train]", "PoetryLock", "poetry.lock[train]"),
        ("requirements.txt", "PipFiles", "requirements.txt"),
        ("pyproject.toml[train]", "Project", "pyproject.toml[train]"),
        ("setup.py", "Project", "setup.py"),
        ("environment.yml", "CondaFile", "environment.yml"),
        (".", "UvLock", "uv.lock"),
        (".[train]", "UvLock", "uv.lock[train]"),
        ("[train]", "UvLock", "uv.lock[train]"),
        ("deps/*.txt", "PipFiles", "deps/a.txt, deps/b.txt"),
        ("deps/odd[1].txt", "PipFiles", "deps/odd[1].txt"),
        ("lib[gpu]", "Project", "pyproject.toml[gpu]"),
    ],
)
def test_what_is_named_wins(tmp_path, named, kind, name):
    """POD_REQUIREMENTS names a file, a pattern, or a project with its extras, whatever else is there."""
    put(tmp_path, *EVERYTHING, "deps/a.txt", "deps/b.txt", "lib/pyproject.toml", pyproject=BUILT)
    if "odd" in named:
        put(tmp_path, named)
    assert chosen(tmp_path, named) == (kind, name, "POD_REQUIREMENTS names it")


def test_the_project_alone_is_its_lock_or_pip_s(tmp_path):
    """`.` means the lock where there is one, then the project; a folder without either is a mistake."""
    put(tmp_path, "pyproject.toml", "poetry.lock", pyproject=POETRY)
    assert chosen(tmp_path, ".")[0] == "PoetryLock"
    (tmp_path / "poetry.lock").unlink()
    assert chosen(tmp_path, ".[x]")[:2] == ("Project", "pyproject.toml[x]")
    (tmp_path / "pyproject.toml").unlink()
    with pytest.raises(StepFailed, match=r"cannot install \.: the folder holds no project"):
        chosen(tmp_path, ".")


def test_a_lock_without_its_project_is_none(tmp_path):
    """Neither uv nor Poetry reads a lock without the pyproject.toml it belongs to."""
    put(tmp_path, "uv.lock", "poetry.lock", "requirements.txt")
    assert chosen(tmp_path)[0] == "PipFiles"


def test_a_broken_pyproject_is_no_silence(tmp_path):
    """What is no TOML fails with the line, unless requirements.txt says what to install anyway."""
    put(tmp_path, "pyproject.toml", pyproject="[project\nname = 'x'\n")
    with pytest.raises(StepFailed, match=r"cannot read pyproject\.toml: .*line 1"):
        chosen(tmp_path)
    (tmp_path / "pyproject.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StepFailed, match=r"cannot read pyproject\.toml: it is no text"):
        chosen(tmp_path)
    put(tmp_path, "requirements.txt")
    assert chosen(tmp_path)[0] == "PipFiles"


def test_a_member_of_a_workspace_uses_the_workspace_s_lock(tmp_path):
    """uv.lock lies at the top of a workspace, and the command runs in a member's folder."""
    put(
        tmp_path,
        "uv.lock",
        "pyproject.toml",
        pyproject=PROJECT + '[tool.uv.workspace]\nmembers = ["apps/*"]\n',
    )
    put(tmp_path, "apps/train/pyproject.toml", pyproject=PROJECT)
    found = recognise(JobSpec("digits", "true", subdir="apps/train"), tmp_path / "apps" / "train")
    assert (found.kind.lock, found.kind.project) == (tmp_path / "uv.lock", tmp_path / "apps" / "train")
    assert chosen(tmp_path / "apps" / "train")[0] == "Project", "above the code's root nothing is looked at"


def test_without_any_list_only_what_needs_an_environment_gets_one(tmp_path):
    """POD_SETUP and a notebook get an empty environment; other jobs run with the image's Python."""
    put(tmp_path, "train.py", "pyproject.toml", pyproject="[tool.black]\nline-length = 99\n")
    assert chosen(tmp_path) is None
    assert chosen(tmp_path, setup="apt-get update")[2] == "but POD_SETUP is set"
    assert chosen(tmp_path, command="train.ipynb")[2] == "but the command is a notebook"
    assert chosen(tmp_path, "", command="train.ipynb")[0] == "Bare"


def test_what_nothing_here_reads_is_said_once(tmp_path):
    """A Pipfile beside nothing else is a warning; where nothing is asked for, not even that."""
    put(tmp_path, "Pipfile", "pdm.lock")
    (said,) = unread(JobSpec("digits", "true"), tmp_path)
    assert said.startswith("Pipfile is not read, and nothing of it was installed")
    assert unread(JobSpec("digits", "true", requirements=""), tmp_path) == ()


CHANGES = {
    "uv.lock": [("uv.lock", "a"), ("pyproject.toml", PROJECT + "# b"), ("lib/pyproject.toml", "c"), ("lib/x.py", "d")],
    "poetry.lock": [("poetry.lock", "# a"), ("pyproject.toml", POETRY + "# b")],
    "pyproject.toml": [("pyproject.toml", BUILT + "# a"), ("setup.cfg", "[a]"), ("setup.py", "# b")],
    "setup.py": [("setup.py", "# a"), ("requirements.txt", "b"), ("more.txt", "c"), ("requirements/x.txt", "d")],
    "deps/*.txt": [("deps/a.txt", "a"), ("deps/b.txt", "b"), ("deps/c.txt", "c")],
    "environment.yml": [("environment.yml", "  - pip:\n    - -r more.txt\n# a"), ("more.txt", "b")],
}  # fmt: skip
LOCK = 'source = { directory = "lib" }\n'


@pytest.mark.parametrize("named", CHANGES)
def test_everything_a_list_depends_on_is_in_the_name(tmp_path, named):
    """Each file that it reads, and POD_SETUP, and whether a notebook runs; no other file."""
    start = {
        "pyproject": BUILT,
        "uv": LOCK,
        "requirements": "-r more.txt\n",
        "environment": "  - -r more.txt\n",
    }
    put(tmp_path, "uv.lock", "poetry.lock", "pyproject.toml", "setup.py", "requirements.txt", **start)
    put(tmp_path, "more.txt", "deps/a.txt", "deps/b.txt", "environment.yml", "lib/pyproject.toml", **start)
    if named == "setup.py":
        put(tmp_path, "pyproject.toml", pyproject="[tool.x]\n")

    def digest(**more):
        spec = JobSpec("digits", **{"command": "true", **more}, requirements=named)
        return recognise(spec, tmp_path).wanted(spec).digest

    seen = [digest()]
    put(tmp_path, "train.py", "checkpoints/a.pt", "data/b.csv")
    assert digest() == seen[0]
    for name, text in CHANGES[named]:
        lines = f"{text}\n-r more.txt\n" if named == "setup.py" and name == "requirements.txt" else text
        put(tmp_path, name)
        (tmp_path / name).write_text(LOCK + text if name == "uv.lock" else lines)
        seen.append(digest())
    seen += [digest(setup="make"), digest(setup="make all"), digest(command="a.ipynb")]
    assert len(set(seen)) == len(seen), named


def test_another_folder_is_another_environment_for_what_is_used_in_place(tmp_path):
    """An environment holds where an editable project lies, so another job's tree gets its own."""
    for name in ("one", "two"):
        put(tmp_path / name, "pyproject.toml", "requirements.txt", pyproject=BUILT, requirements="-e .\n")
    spec = JobSpec("digits", "true")
    for named in ("pyproject.toml", "requirements.txt"):
        spec = JobSpec("digits", "true", requirements=named)
        assert len({recognise(spec, tmp_path / name).wanted(spec).digest for name in ("one", "two")}) == 2


def test_requirements_written_by_windows_are_read(tmp_path):
    """UTF-16 with its mark, as PowerShell writes it: nested files are seen as pip sees them."""
    (tmp_path / "requirements.txt").write_text("-r more.txt\n", encoding="utf-16")
    put(tmp_path, "more.txt")
    spec = JobSpec("digits", "true")
    before = recognise(spec, tmp_path).wanted(spec)
    (tmp_path / "more.txt").write_text("numpy\n")
    assert recognise(spec, tmp_path).wanted(spec) != before
