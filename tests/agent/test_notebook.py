"""A notebook as a command: what is run for it, what it leaves behind, and the real papermill doing so."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sysconfig

import pytest

from pod_agent.run.environment import notebook
from pod_agent.run.resume import Restored, command_line
from tests.agent.install_place import InstallPlace
from tests.fakes.package_index import PackageIndex

OURS = "--no-progress-bar --stdout-file - --stderr-file - --cwd"


def written(path, *cells, language="python"):
    """A notebook with these code cells, the first of which holds its parameters; its kernel is named as at home."""
    made = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell-{number}",
            "metadata": {} if number else {"tags": ["parameters"]},
            "outputs": [],
            "source": text,
        }
        for number, text in enumerate(cells)
    ]
    spec = {"display_name": "mine", "language": language, "name": "conda-env-mine-py"}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"cells": made, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5})
    )


@pytest.mark.parametrize(
    ("command", "run"),
    [
        ("train.ipynb", f"train.ipynb train.out.ipynb {OURS} . -k python3"),
        ("a/b.ipynb -p lr 0.1", f"a/b.ipynb a/b.out.ipynb {OURS} a -k python3 -p lr 0.1"),
        ("'my train.ipynb'", f"'my train.ipynb' 'my train.out.ipynb' {OURS} . -k python3"),
        ('"my train.ipynb" -k ir', f"'my train.ipynb' 'my train.out.ipynb' {OURS} . -k ir"),
        (
            "train.ipynb --cwd .",
            f"train.ipynb train.out.ipynb {OURS.removesuffix(' --cwd')} -k python3 --cwd .",
        ),
        ("A=1 B='x y' train.ipynb | tee l", f"train.ipynb train.out.ipynb {OURS} . -k python3 | tee l"),
    ],
)
def test_a_command_whose_first_word_is_a_notebook_runs_it(tmp_path, command, run):
    """Parameters and pipes stay as they are; the outputs go beside the notebook, whose folder is where it runs."""
    assert notebook.named(command)
    line = notebook.command_line(command, tmp_path)
    before = command[: len(command) - len(command.lstrip("AB='xy 1"))] if command.startswith("A=1") else ""
    assert line == f"{before}python -m papermill {run}"


@pytest.mark.parametrize(
    "command",
    [
        "python train.py x.ipynb",
        "jupyter execute a.ipynb",
        "cd n && papermill a.ipynb b",
        "$N.ipynb",
        "*.ipynb",
        "",
    ],
)
def test_other_commands_stay_as_they_are(tmp_path, command):
    """A notebook that is only an argument is the command's own affair."""
    assert notebook.named(command) is None
    assert notebook.command_line(command, tmp_path) == command


def test_a_notebook_of_another_language_keeps_its_kernel(tmp_path):
    """Only Python's kernels are replaced by the environment's."""
    written(tmp_path / "r.ipynb", "1", language="R")
    assert "-k" not in notebook.command_line("r.ipynb", tmp_path)
    written(tmp_path / "p.ipynb", "1")
    assert notebook.command_line("p.ipynb", tmp_path).endswith(" -k python3")


def test_the_outputs_of_an_earlier_attempt_are_put_aside(tmp_path):
    """Each attempt writes its own; the earlier ones keep the time of their last change in their name."""
    written(tmp_path / "p.ipynb", "1")
    (tmp_path / "p.out.ipynb").write_text("first")
    os.utime(tmp_path / "p.out.ipynb", (86400, 86400))
    notebook.command_line("p.ipynb", tmp_path)
    assert (tmp_path / "p.out.19700102-000000.ipynb").read_text() == "first"
    assert not (tmp_path / "p.out.ipynb").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.ipynb", "p.out.19700102-000000.ipynb"]


@pytest.mark.slow
def test_what_runs_it_is_installed_where_it_is_missing(tmp_path):
    """papermill and ipykernel come into the job's environment, once, also without any package list."""
    with PackageIndex() as index:
        for name in notebook.PACKAGES:
            index.add(name)
        place = InstallPlace(tmp_path, index)
        made = place.install(command="train.ipynb")
        assert place.own(made) == {"papermill-1.0", "ipykernel-1.0"}
        assert place.install(command="other.ipynb -p a 1").reused
        place.file("requirements.txt", "papermill\nipykernel\n")
        assert place.own(place.install(command="train.ipynb")) == {"papermill-1.0", "ipykernel-1.0"}
        for name in notebook.PACKAGES:
            place.has(name, "9")
        assert place.own(place.install(command="train.ipynb", requirements="")) == set()


@pytest.fixture
def real(tmp_path):
    """An image that has this machine's papermill, and a job whose environment was made for a notebook."""
    for name in notebook.PACKAGES:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not here: pip install -r tests/torch.txt")
    with PackageIndex() as index:
        place = InstallPlace(tmp_path, index, torch=None)
        (place.site / "all.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
        yield place, place.install(command="train.ipynb")


def begun(real, command, **more):
    """The command as a keeper starts it."""
    place, made = real
    env = {**place.env, **made.variables, "PYTHONUNBUFFERED": "1", **more}
    line = notebook.command_line(command, place.folder)
    words = ["/bin/bash", "-o", "pipefail", "-c", line]
    out = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(words, cwd=place.folder, env=env, text=True, **out)


@pytest.mark.torch
@pytest.mark.slow
def test_cells_are_heard_as_they_speak(real):
    """A cell's words are there before it ends, stdout and stderr; the outputs are in the notebook beside it."""
    place, made = real
    loop = "import os, sys, time\nprint('hello', lr, os.path.basename(os.getcwd()), sys.prefix)\n"
    wait = "print('oh', file=sys.stderr)\nwhile not os.path.exists('go'): time.sleep(0.01)\nprint('gone on')"
    written(place.folder / "books" / "train.ipynb", "lr = 1.0", loop + wait)
    process = begun(real, "books/train.ipynb -p lr 0.25")
    seen = ""
    while "oh\n" not in seen:
        line = process.stdout.readline()
        assert line, seen
        seen += line
    assert f"hello 0.25 books {place.envs / made.hash}\n" in seen
    assert "gone on" not in seen
    (place.folder / "books" / "go").write_text("")
    rest = process.communicate()[0]
    assert process.returncode == 0, rest
    assert "gone on\n" in rest
    assert "gone on" in (place.folder / "books" / "train.out.ipynb").read_text()


@pytest.mark.torch
@pytest.mark.slow
def test_a_failing_cell_fails_the_command_with_its_error(real):
    """The code is not 0, the last words are the cell's error, later cells do not run, the outputs are kept."""
    place, _ = real
    written(place.folder / "train.ipynb", "a = 1", "raise ValueError('no data here')", "open('later', 'w')")
    process = begun(real, "train.ipynb")
    said = process.communicate()[0]
    assert process.returncode == 1
    assert said.rstrip().endswith("ValueError: no data here")
    assert not (place.folder / "later").exists()
    assert "no data here" in (place.folder / "train.out.ipynb").read_text()


@pytest.mark.torch
@pytest.mark.slow
def test_a_notebook_resumes_as_any_command_does(real):
    """{resume} becomes a parameter, and POD_RESUME_FROM is in the kernel's environment, whatever the name holds."""
    place, _ = real
    code = "import os\nprint('from', resume_from, os.environ['POD_RESUME_FROM'] == resume_from)"
    written(place.folder / "train.ipynb", "resume_from = ''", code)
    spec = place.spec(command="train.ipynb {resume} -p lr 1", resume="-p resume_from {checkpoint}")
    path = place.folder / "save 'it' $now"
    process = begun(real, command_line(spec, Restored(path, 3)), POD_RESUME_FROM=str(path))
    said = process.communicate()[0]
    assert process.returncode == 0, said
    assert re.search(rf"^from {re.escape(str(path))} True$", said, re.MULTILINE)
