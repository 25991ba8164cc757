"""Git inside package lists: the job's GitHub login for what pip and uv clone, by a helper, and for no other host."""

from __future__ import annotations

import os
import subprocess

from pod_agent.run.environment.git_refs import logged_in
from pod_agent.run.work import Work
from pod_wire.clock import RealClock
from pod_wire.secrets import job_environment

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


def test_the_code_s_own_logins_are_not_for_packages(tmp_path):
    """POD_GIT_TOKEN and POD_DEPLOY_KEY never reach what builds packages: the job does not have them either."""
    own = {"POD_GIT_TOKEN": "glpat-secret-secret", "POD_DEPLOY_KEY": "key-secret-secret"}
    given = job_environment(job(tmp_path, **own))
    with logged_in(given, Work(lambda _: None, RealClock())) as env:
        assert not [name for name, value in env.items() if "secret" in value]
