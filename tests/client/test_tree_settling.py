"""`up` looks at the code before anything is created: what would be passed over is decided by somebody, or refused."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pod_client.choices import Choices
from pod_client.code.as_it_is import LARGE
from pod_client.code.settling import Settling
from pod_client.plan import Wishes
from pod_wire.errors import BadInput
from tests.client.checkouts import checkout, commit, git


class Person:
    """A screen that remembers, and somebody who answers."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.said = []
        self.asked = []

    def step(self, text):
        self.said.append(text)

    note = warn = step

    def choose(self, question, words):
        self.asked.append(tuple(words))
        self.said.append(question)
        return self.answers.pop(0)

    def ask(self, question):
        self.asked.append(question)
        return self.answers.pop(0)


@pytest.fixture
def repo(tmp_path):
    return checkout(tmp_path)


def settle(here, *answers, toml=None, files=(), env=None, **more):
    contract = {f"POD_{name[:-1].upper()}": more.pop(name) for name in list(more) if name.endswith("_")}
    if toml is None:
        contract.setdefault("POD_COMMAND", "python train.py")
    person = Person(*answers)
    choices = Choices(asks=bool(answers), **more)
    wishes = Wishes(None, toml, contract, env or {}, {}, is_local=choices.local, files=files)
    settling = Settling(person, choices, dict(os.environ), here, here.parent / "patches")
    return settling.settle(wishes), person


def refused(here, *answers, **more):
    with pytest.raises(BadInput) as error:
        settle(here, *answers, **more)
    return error.value


def test_a_clean_pushed_folder_is_its_remote_at_this_commit(repo, tmp_path):
    """What lies here is what the pod clones, exactly."""
    code, person = settle(repo, repo_=".")
    head = git(repo, "rev-parse", "HEAD")
    assert code.wishes.contract["POD_REPO"] == str(tmp_path / "code.git")
    assert code.wishes.contract["POD_REF"] == head
    assert (code.tree, person.said) == (None, [])


def dirty(repo):
    (repo / "train.py").write_text("edited")


def untracked(repo):
    (repo / "new.py").write_text("new")


def unpushed(repo):
    (repo / "train.py").write_text("edited")
    commit(repo, "not pushed")


@pytest.mark.parametrize("work", [dirty, untracked, unpushed])
@pytest.mark.parametrize("by_address", [True, False])
def test_work_that_a_pod_would_not_get_is_refused_with_the_three_ways(repo, tmp_path, work, by_address):
    """Whether the folder is named or its remote is: exit code 2, and push, --ref, --tree in the remedy."""
    work(repo)
    error = refused(repo, repo_=f"file://{tmp_path / 'code.git'}" if by_address else ".")
    assert all(way in error.hint for way in ("push", "--ref", "--tree", "--pushed"))


def test_flags_decide_without_a_question(repo, tmp_path):
    """--pushed takes the remote's newest, --ref what it says, --tree the folder; another repository is no matter."""
    pushed = git(repo, "rev-parse", "HEAD")
    unpushed(repo)
    remote = str(tmp_path / "code.git")
    by_pushed = settle(repo, repo_=".", pushed=True)[0].wishes.contract
    assert (by_pushed["POD_REPO"], by_pushed["POD_REF"]) == (remote, pushed)
    by_ref = settle(repo, repo_=".", ref_="main")[0].wishes.contract
    assert (by_ref["POD_REPO"], by_ref["POD_REF"]) == (remote, "main")
    for untouched in (
        {"repo_": "https://elsewhere.invalid/x"},
        {"repo_": f"file://{remote}", "ref_": "dev"},
        {},
    ):
        code, person = settle(repo, **untouched)
        assert (code.wishes.contract.get("POD_REPO"), person.said) == (untouched.get("repo_"), [])
    code, _ = settle(repo, repo_=".", tree=True)
    code.close()
    assert code.wishes.contract["POD_REPO"] == f"tree:{code.tree.digest}"
    assert code.wishes.contract["POD_REF"] == ""


def test_the_person_decides_at_a_terminal(repo, tmp_path):
    """Each answer is done; pushing is offered where all is committed; called off means that nothing happens."""
    unpushed(repo)
    head = git(repo, "rev-parse", "HEAD")
    code, person = settle(repo, "push", repo_=".")
    assert person.asked == [("tree", "pushed", "push", "stop")]
    assert git(tmp_path / "code.git", "rev-parse", "main") == head == code.wishes.contract["POD_REF"]
    dirty(repo)
    (repo / "train.py").write_text("more")
    code, person = settle(repo, "tree", repo_=".")
    code.close()
    assert person.asked == [("tree", "pushed", "stop")]
    assert code.tree.files == 1
    code, _ = settle(repo, "pushed", repo_=f"file://{tmp_path / 'code.git'}")
    assert "POD_REF" not in code.wishes.contract
    assert "called off" in refused(repo, "stop", repo_=".").message


def test_the_job_file_and_files_of_variables_are_no_lost_work(repo):
    """A new pod.toml is read here, and an --env-file is, too; it is not sent either."""
    (repo / "pod.toml").write_text('[job.a]\nrepo = "."\ncommand = "python train.py"\n')
    (repo / "my.variables").write_text("TOKEN=very-private")
    (repo / ".env").write_text("TOKEN=very-private")
    files = (repo / "my.variables", repo / "pod.toml")
    code, _ = settle(repo, toml=(repo / "pod.toml").read_text(), files=files)
    assert code.wishes.contract["POD_REF"] == git(repo, "rev-parse", "HEAD")
    code, person = settle(repo, toml=(repo / "pod.toml").read_text(), files=files, tree=True)
    assert code.tree.files == 2
    code.close()
    assert any("my.variables" in said for said in person.said)


def test_a_tree_runs_where_it_was_typed_and_keeps_its_name(repo):
    """In a folder of the repository the command runs in that folder; edits do not change the job's name."""
    (repo / "sub").mkdir()
    (repo / "sub" / "train.py").write_text("one")
    first, _ = settle(repo / "sub", tree=True)
    first.close()
    (repo / "sub" / "train.py").write_text("two")
    second, _ = settle(repo / "sub", tree=True)
    second.close()
    assert first.tree.digest != second.tree.digest
    assert first.wishes.contract["POD_SUBDIR"] == "sub"
    assert first.wishes.contract["POD_JOB"] == second.wishes.contract["POD_JOB"]
    assert first.wishes.contract["POD_JOB"].startswith("code-")


def test_what_the_tree_was_stands_in_the_receipt(repo):
    """The commit, how far the folder is from it, and where the patch lies."""
    dirty(repo)
    untracked(repo)
    code, _ = settle(repo, tree=True)
    code.close()
    head = git(repo, "rev-parse", "HEAD")[:12]
    assert code.said.startswith(f"{head} with 1 file changed, 1 untracked, sent as it is: 2 files")
    patch = code.said.partition("kept in ")[2]
    assert "+edited" in Path(patch).read_text()
    code, _ = settle(repo, tree=True, dry_run=True)
    code.close()
    assert "kept in" not in code.said


def test_a_folder_that_no_pod_can_see_is_said(tmp_path, repo):
    """Without git, without a remote, and with flags that exclude each other."""
    bare = tmp_path / "plain"
    bare.mkdir()
    assert "--tree" in refused(tmp_path, repo_="plain").hint
    git(tmp_path, "init", "-q", bare)
    assert "no remote" in refused(tmp_path, repo_="plain").message
    assert "no files" in refused(bare, tree=True).message
    assert "--ref" in refused(repo, tree=True, ref_="main").message
    (repo / ".git" / "HEAD").write_text("nonsense")
    assert "git" in refused(repo, tree=True).message


def test_a_local_pod_clones_the_folder_and_the_person_is_warned(repo):
    """With --local nothing changes but a warning."""
    dirty(repo)
    code, person = settle(repo, repo_=str(repo), local=True)
    assert code.wishes.contract["POD_REPO"] == str(repo)
    assert "--tree" in person.said[0]


def test_a_large_folder_is_asked_about(tmp_path):
    """Half a gigabyte is seldom code: a person says yes, and without one it is refused."""
    (tmp_path / "data.bin").touch()
    os.truncate(tmp_path / "data.bin", LARGE + 1)
    assert "unasked" in refused(tmp_path, tree=True).message
    assert "called off" in refused(tmp_path, "", tree=True).message


def test_up_refuses_before_it_creates_anything(pod, tmp_path):
    """The command ends with 2, names the ways, and RunPod was asked for nothing."""
    repo = checkout(tmp_path)
    dirty(repo)
    code, out, err = pod.run("up", "--image", "img", "--gpu", "A", "--repo", "code", "--command", "train")
    assert (code, out) == (2, "")
    assert all(way in err for way in ("push", "--ref", "--tree"))
    assert pod.runpod.pods == {}


def test_a_machine_without_git_asks_nobody(repo, monkeypatch):
    """An address goes through as it is where there is no git to look with."""
    monkeypatch.setenv("PATH", "/nonexistent")
    code, person = settle(repo, repo_="https://host.invalid/x")
    assert (code.wishes.contract["POD_REPO"], person.said) == ("https://host.invalid/x", [])
    with pytest.raises(FileNotFoundError):
        subprocess.run(["git", "--version"], check=False)
