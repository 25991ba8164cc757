"""`pod-client init` as a person types it: what it writes, what it never does, and repositories of every odd kind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pod_agent.outputs.checkpoints.known import ENDINGS
from pod_client.init.git_place import git_place, https_form
from pod_client.init.listing import list_files
from pod_client.init.looking import look
from pod_client.init.pod_toml import render, toml_text
from pod_client.init.saving import LOOKED_AT
from pod_wire.parse import parse_toml
from tests.live import PATIENCE_S

LOOP = """
import argparse, torch
parser = argparse.ArgumentParser()
parser.add_argument("--resume")
args = parser.parse_args()
if args.resume:
    state = torch.load(args.resume)
loss.backward()
"""


@pytest.fixture
def init(tmp_path):
    """Runs the command in a folder; what it is given is whatever lies there."""

    def run(*argv, cwd=tmp_path):
        done = subprocess.run(
            [sys.executable, "-m", "pod_client.cli", "init", *argv],
            cwd=cwd,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home")},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=PATIENCE_S,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    (tmp_path / "train.py").write_text(LOOP)
    return run


def test_it_writes_and_says_what_and_why(init, tmp_path):
    """The file parses, the words on stderr name command, way to resume and place in the code; nothing is on stdout."""
    code, out, err = init()
    assert (code, out) == (0, "")
    spec = parse_toml((tmp_path / "pod.toml").read_text()).spec
    assert (spec.command, spec.resume) == ("python train.py", "--resume {checkpoint}")
    assert "train.py:7" in err
    assert "not in git" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pod.toml", "train.py"]


def test_what_is_there_is_never_written_over(init, tmp_path):
    """A pod.toml stays as it is, whatever it is; --force keeps each older one under a name of its own."""
    file = tmp_path / "pod.toml"
    file.write_text("mine")
    code, _, err = init()
    assert (code, file.read_text()) == (2, "mine")
    assert "--force" in err
    assert init("--force")[0] == 0
    file.write_text("mine too")
    assert "pod.toml.bak1" in init("--force")[2]
    assert (tmp_path / "pod.toml.bak").read_text() == "mine"
    assert (tmp_path / "pod.toml.bak1").read_text() == "mine too"
    file.unlink()
    file.symlink_to(tmp_path / "nowhere")
    assert init()[0] == 2
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("flag", ["--print", "-"])
def test_print_writes_nothing(init, tmp_path, flag):
    """The text goes to stdout, alone, also where there is a pod.toml."""
    (tmp_path / "pod.toml").write_text("mine")
    code, out, err = init(flag)
    assert (code, err) == (0, "")
    assert parse_toml(out).spec.command == "python train.py"
    assert (tmp_path / "pod.toml").read_text() == "mine"


def test_the_code_is_never_run_nor_imported(init, tmp_path):
    """A program, a settings file and git's own hooks that would leave a mark leave none."""
    mark = tmp_path / "mark"
    bomb = f"open({str(mark)!r}, 'w')\n"
    for name in ("train.py", "sitecustomize.py", "click.py", "conftest.py", "setup.py"):
        (tmp_path / name).write_text(bomb + LOOP)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/config").write_text(
        f'[core]\n\tfsmonitor = "touch {mark}"\n\tsshCommand = "touch {mark}"\n'
    )
    (tmp_path / ".git/HEAD").write_text("ref: refs/heads/main\n")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pod_client.cli", "init"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not mark.exists()


def test_odd_files_hold_nothing_up(tmp_path):
    """Python 2, half a program, bytes, Latin-1, a FIFO, circles of links, depth, size: the training is still found."""
    (tmp_path / "old.py").write_text("print 'x'\n")
    (tmp_path / "half.py").write_text("def f(:\n")
    (tmp_path / "bytes.py").write_bytes(bytes(range(256)) * 4)
    (tmp_path / "latin.py").write_bytes("# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1"))
    (tmp_path / "unknown.py").write_bytes(b"# coding: no-such-thing\nx = '\xff'\n")
    (tmp_path / "deep.py").write_text("x = " + "(" * 5000 + ")" * 5000)
    (tmp_path / "long.py").write_text("x = " + "-" * 20000 + "1\n")
    (tmp_path / "dots.py").write_text("x = a" + ".b" * 20000 + "\n")
    (tmp_path / "huge.py").write_bytes(b"x = 1\n" * 600_000)
    (tmp_path / "bad.ipynb").write_text('{"cells": 5}')
    (tmp_path / "deep.ipynb").write_text("[" * 100_000)
    laughs = "".join(f"A{n} = {f'$(A{n + 1})' * 1000}\n" for n in range(9))
    (tmp_path / "Makefile").write_text(f"{laughs}A9 = {'ha' * 5000}\ntrain:\n\techo {'$(A0)' * 1000}\n")
    (tmp_path / "README.md").write_text(
        "```\n" + "A=B " * 50_000 + "\n" + "python " + " " * 200_000 + "x\n```\n"
    )
    (tmp_path / "conf.yaml").write_text("a: " + " " * 200_000 + "b\n")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "self.py").symlink_to(tmp_path / "self.py")
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere.py")
    os.mkfifo(tmp_path / "fifo.py")
    (tmp_path / "a\nb.py").write_text(LOOP)
    (tmp_path / os.fsdecode(b"\xff.py")).write_text(LOOP)
    (tmp_path / "train.py").write_text(f"import half, hydra\n{LOOP}\n@hydra.main()\ndef f(): ...\n")
    found = look(tmp_path)
    spec = parse_toml(render(found)).spec
    assert (spec.command, spec.resume) == ("python train.py", "--resume {checkpoint}")
    said = "\n".join(found.trouble)
    assert "huge.py was not read" in said
    assert "half.py is not Python 3" in said
    assert "2 files whose names" in said


def test_what_may_not_be_read_is_said(tmp_path):
    """A folder and a file without rights are named, and passed over; root tries it as nobody."""
    place = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        (place / "closed").mkdir(mode=0)
        (place / "secret.py").write_text(f"import train\n{LOOP}")
        (place / "secret.py").chmod(0)
        (place / "train.py").write_text(LOOP)
        place.chmod(0o755)
        program = (
            "import sys; from pathlib import Path\n"
            "from pod_client.init.looking import look\n"
            "import os; os.geteuid() or os.setuid(65534)\n"
            "found = look(Path(sys.argv[1])); print(found.command.text, *found.trouble, sep='\\n')"
        )
        argv = [sys.executable, "-c", program, str(place)]
        said = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stderr
    finally:
        shutil.rmtree(place)
    assert said.stdout.startswith("python train.py\n")
    assert "cannot look into closed/" in said.stdout
    assert "secret.py was not read" in said.stdout


def test_a_folder_that_may_not_be_written(init, tmp_path):
    """Nothing is half written, and --print is named."""
    place = tmp_path / "place"
    place.mkdir()
    (place / "train.py").write_text(LOOP)
    (place / "pod.toml").mkdir()
    code, _, err = init(cwd=place)
    assert code == 2
    code, _, err = init("--force", cwd=place)
    assert (code, (place / "pod.toml").is_file(), (place / "pod.toml.bak").is_dir()) == (0, True, True), err


def test_names_and_remotes_cannot_break_the_file(tmp_path):
    """Quotes, backslashes, brackets and newlines in names, addresses and targets stay inside their setting."""
    folder = tmp_path / 'a "b" \\ c]'
    folder.mkdir()
    (folder / "train 'it'.py").write_text(LOOP)
    (folder / "Makefile").write_text("train:\n\techo \"a\" 'b' \\\\ \x1b[31m; python \"train 'it'.py\"\n")
    (folder / ".git").mkdir()
    (folder / ".git/config").write_text('[remote "origin"]\n\turl = https://h/a"b\\nrepo = "x\n')
    text = render(look(folder))
    parsed = parse_toml(text)
    assert parsed.spec is None or parsed.spec.command
    assert "\x1b" not in text


@pytest.mark.parametrize(
    "value", ["a", 'a"b', "a'b", "a\\b", "a\"b'c", "\n", "\x1b[0m", "'''\"", "ü😀", "'", "\"'"]
)
def test_every_text_survives_toml(value):
    """What is written between quotes is read back as it was."""
    assert parse_toml(f"[job.x]\ncommand = {toml_text(value + 'x')}\n").spec.command == (value + "x").strip(
        "\n"
    )


def test_a_large_repository_is_bounded(tmp_path):
    """Files are listed to a limit that is said, nearest first, and caches and environments are not entered."""
    for name in ("a/deep/er", "venv", "node_modules", ".hidden"):
        (tmp_path / name).mkdir(parents=True)
        for number in range(5):
            (tmp_path / name / f"{number}.py").touch()
    (tmp_path / "env").mkdir()
    (tmp_path / "env/pyvenv.cfg").touch()
    (tmp_path / "z.py").touch()
    assert list_files(str(tmp_path)).names == ("z.py", *(f"a/deep/er/{number}.py" for number in range(5)))
    found = list_files(str(tmp_path), most=3)
    assert found.names == ("z.py", "a/deep/er/0.py", "a/deep/er/1.py")
    assert "nearest 3" in found.trouble[0]


@pytest.mark.parametrize(
    ("address", "form"),
    [
        ("git@github.com:you/project.git", "https://github.com/you/project.git"),
        ("ssh://git@host.example:2222/you/project", "https://host.example/you/project"),
        ("https://user:ghp_secret@github.com/you/project.git", "https://github.com/you/project.git"),
        ("https://host.example:8443/p", "https://host.example:8443/p"),
        ("http://127.0.0.1:5000/p.git/", "http://127.0.0.1:5000/p.git"),
        ("/srv/git/p.git", None),
        ("../p", None),
        ("file:///srv/p", None),
        ("C:/p", None),
        ("https://[bad/p", None),
    ],
)
def test_a_remote_is_given_as_https(address, form):
    """Whatever form the remote has, a pod needs no ssh key for what is written, and no login is in it."""
    assert https_form(address)[0] == form


def test_git_is_read_from_its_files(tmp_path):
    """Remote, sub-folder, a branch that is not the default one; a work tree of a work tree as well."""
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@x", "-c", "init.defaultBranch=main"]
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}

    def run(*words, cwd):
        subprocess.run([*git, *words], cwd=cwd, env=env, check=True, capture_output=True)

    far, near = tmp_path / "far", tmp_path / "near"
    far.mkdir()
    run("init", "-q", cwd=far)
    (far / "f").touch()
    run("add", ".", cwd=far)
    run("commit", "-q", "-m", "x", cwd=far)
    run("branch", "other", cwd=far)
    run("clone", "-q", str(far), str(near), cwd=tmp_path)
    run("remote", "set-url", "origin", "git@git.example:you/p.git", cwd=near)
    (near / "sub/deep").mkdir(parents=True)
    found = git_place(near / "sub/deep")
    assert (found.remote, found.subdir, found.branch) == ("https://git.example/you/p.git", "sub/deep", None)
    run("checkout", "-q", "other", cwd=near)
    assert git_place(near).branch == "other"
    run("checkout", "-q", "-b", "mine", cwd=near)
    assert git_place(near).branch is None
    run("worktree", "add", "-q", str(tmp_path / "tree"), "other", cwd=near)
    assert git_place(tmp_path / "tree").branch == "other"
    assert git_place(tmp_path / "tree").remote == "https://git.example/you/p.git"


def test_what_is_looked_at_is_what_the_agent_looks_at():
    """The client's list of endings is the agent's, less the one that means anything."""
    looked_at = {
        ending for ending in ENDINGS if ending.startswith(".") and ending not in {".bin", ".metadata"}
    }
    assert {ending for ending in looked_at if not ending.endswith(LOOKED_AT)} == set()
    assert [ending for ending in LOOKED_AT if not any(known.endswith(ending) for known in looked_at)] == []
