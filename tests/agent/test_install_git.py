"""Git inside package lists: the job's logins for what pip and uv clone, by a helper, each for its host alone."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from pod_agent.pod.scribe import Scribe
from pod_agent.run.environment.git_refs import logged_in
from pod_agent.run.environment.install import install
from pod_agent.run.environment.own_host import OwnHost
from pod_agent.run.folders import Folders
from pod_agent.run.state import Job
from pod_agent.run.steps import RealSteps
from pod_agent.run.work import StepFailed, Work
from pod_agent.settings import Settings
from pod_wire.clock import RealClock
from pod_wire.job import JobSpec
from pod_wire.secrets import Secret, job_environment
from tests.agent.code_place import Place as GitPlace
from tests.agent.install_place import InstallPlace
from tests.agent.secret_watch import SecretWatch
from tests.agent.test_git_submodules import add
from tests.fakes import package_files
from tests.fakes.git_server import GitHost
from tests.fakes.package_index import PackageIndex

OWN = "glpat-secret-of-the-code-4f7"
TOKEN = "ghp_0123456789abcdef"


def git(env, *words, given=""):
    done = subprocess.run(["git", *words], env=env, input=given, check=False, capture_output=True, text=True)
    return done.stdout


def job(tmp_path, **more):
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **more}


def test_the_job_s_token_opens_github_for_installers(tmp_path):
    """https by a credential helper, ssh addresses rewritten; the token is in no argument and in no file."""
    work = Work(lambda _: None, RealClock())
    with logged_in(job(tmp_path, GITHUB_TOKEN=TOKEN), work) as env:
        for address in ("git@github.com:me/lib.git", "ssh://git@github.com/me/lib.git"):
            assert git(env, "ls-remote", "--get-url", address) == "https://github.com/me/lib.git\n"
        asked = "protocol=https\nhost={host}\n\n"
        assert f"password={TOKEN}\n" in git(env, "credential", "fill", given=asked.format(host="github.com"))
        assert TOKEN not in git(env, "credential", "fill", given=asked.format(host="example.org"))
        assert TOKEN not in git(env, "config", "--list", "--show-origin")
        assert all(TOKEN.encode() not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_without_a_token_addresses_stay_as_they_are(tmp_path):
    """Nothing is rewritten, and nobody is asked for a password."""
    with logged_in(job(tmp_path), Work(lambda _: None, RealClock())) as env:
        assert (
            git(env, "ls-remote", "--get-url", "git@github.com:me/lib.git") == "git@github.com:me/lib.git\n"
        )
        assert env["GIT_TERMINAL_PROMPT"] == "0"


def test_the_code_s_own_logins_are_in_no_variable_of_installers(tmp_path):
    """POD_GIT_TOKEN and POD_DEPLOY_KEY never reach what builds packages: the job does not have them either."""
    own = {"POD_GIT_TOKEN": OWN, "POD_DEPLOY_KEY": "key-secret-secret"}
    given = job_environment(job(tmp_path, **own))
    for host in (None, OwnHost("https://git.example/me/train.git", Secret(OWN))):
        with logged_in(given, Work(lambda _: None, RealClock()), host) as env:
            assert not [name for name, value in env.items() if "secret" in value]


@pytest.mark.parametrize("repo", ["https://git.example/me/train.git", "git@git.example:me/train.git"])
def test_the_token_of_the_code_s_host_opens_that_host_alone(tmp_path, repo):
    """Its user is the host's usual one; another host, port or scheme gets nothing; ssh addresses are rewritten."""
    with logged_in(job(tmp_path), Work(lambda _: None, RealClock()), OwnHost(repo, Secret(OWN))) as env:
        found = git(env, "credential", "fill", given="protocol=https\nhost=git.example\n\n")
        assert f"username=oauth2\npassword={OWN}\n" in found
        for place in ("https\nhost=github.com", "https\nhost=git.example:8443", "http\nhost=git.example"):
            assert OWN not in git(env, "credential", "fill", given=f"protocol={place}\n\n")
        address = git(env, "ls-remote", "--get-url", "ssh://git@git.example/me/lib.git")
        assert address == "https://git.example/me/lib.git\n"
        assert OWN not in git(env, "config", "--list", "--show-origin")


def test_a_token_of_the_job_s_goes_before_the_code_s(tmp_path):
    """On github.com GITHUB_TOKEN opens what it opened; an archive's host is no host of git's."""
    for repo, more in (
        ("https://github.com/me/train", {"GITHUB_TOKEN": TOKEN}),
        ("https://a.example/c.tar.gz", {}),
    ):
        host = OwnHost(repo, Secret(OWN))
        with logged_in(job(tmp_path, **more), Work(lambda _: None, RealClock()), host) as env:
            for name in ("github.com", "a.example"):
                assert OWN not in git(env, "credential", "fill", given=f"protocol=https\nhost={name}\n\n")


@pytest.mark.slow
def test_a_private_package_comes_from_the_code_s_host(tmp_path):
    """pip clones it with its private submodule, at a branch that was asked for before; the token is seen nowhere."""
    lib, inner = GitPlace(tmp_path / "lib"), GitPlace(tmp_path / "inner")
    inner.commit(**{"inner.py": "deep = 2\n"})
    add(lib, "../../../inner/origin/.git", inner, "inner")
    with tarfile.open(
        fileobj=io.BytesIO(package_files.sdist("lib", files={"lib.py": "value = 1\n"}))
    ) as packed:
        files = {Path(one.name).name: packed.extractfile(one).read().decode() for one in packed}
    lib.commit(**files)
    with GitHost.running(tmp_path) as host, PackageIndex() as index, SecretWatch(OWN) as watch:
        host.login = f"oauth2:{OWN}"
        place = InstallPlace(tmp_path, index, torch=None)
        place.file("requirements.txt", f"lib @ git+{host.url('lib/origin/.git')}@main\n")
        own = OwnHost(host.url("train.git"), Secret(OWN))
        work = Work(place.write, RealClock())
        made = install(place.spec(), place.folder, place.envs, place.env, work, own=own)
        assert place.ask(made, "import lib; print(lib.value)") == "1"
        assert any(one.path.startswith("/inner/") and one.login == host.login for one in host.seen)
        assert made.warnings == ()
        other = OwnHost("https://git.example/train.git", Secret(OWN))
        place.file(
            "requirements.txt", f"lib @ git+{host.url('lib/origin/.git')}@{lib.git('rev-parse', 'HEAD')}\n"
        )
        with pytest.raises(StepFailed):
            install(place.spec(), place.folder, place.envs, place.env, work, own=other)
    assert watch.found == set()
    assert watch.below(place.envs, place.folder) == []
    assert OWN not in place.text


@pytest.mark.slow
def test_a_job_s_setup_may_clone_from_the_code_s_host(tmp_path):
    """From the pod's settings to git: what brought the code opens its neighbours while the job is installed."""
    code, lib = GitPlace(tmp_path / "code"), GitPlace(tmp_path / "lib")
    code.commit(**{"train.py": "x"})
    commit = lib.commit(**{"lib.py": "value = 1\n"})
    with GitHost.running(tmp_path) as host:
        host.login = f"oauth2:{OWN}"
        setup = f"git ls-remote {host.url('lib/origin/.git')} main > seen; env > variables"
        spec = JobSpec("digits", "true", repo=host.url("code/origin/.git"), setup=setup)
        settings = Settings(
            workspace=tmp_path / "ws",
            disk_dir=tmp_path / "disk",
            run_dir=tmp_path / "run",
            job_environment=job(tmp_path),
            code_logins={"POD_GIT_TOKEN": Secret(OWN)},
        )
        folders = Folders(settings.workspace, settings.disk_dir, Scribe())
        folders.of("digits").path.mkdir(parents=True)
        steps = RealSteps(settings, folders, RealClock())
        given = Job(spec, "o1", run="r1", run_began_at=1.0, boot="b1")
        steps.sync(given, steps.work(given))
        steps.install(given, steps.work(given))
    assert (tmp_path / "ws/digits/seen").read_text().startswith(commit)
    assert OWN not in (tmp_path / "ws/digits/variables").read_text()
