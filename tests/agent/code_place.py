"""A real repository, and a workspace that its code is synced into."""

from __future__ import annotations

import os
import subprocess

from pod_agent.run.code.sync import sync
from pod_agent.run.work import Work
from pod_wire.clock import RealClock
from pod_wire.job import JobSpec

ENV = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
WHO = {
    "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b",
    "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b",
    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null",
}  # fmt: skip


class QuickClock(RealClock):
    def sleep(self, seconds):
        pass


class Place:
    """A repository, and a workspace that code is synced into."""

    def __init__(self, top):
        top.mkdir(exist_ok=True)
        self.repo = top / "origin"
        self.tree = top / "workspace" / "digits"
        self.log = b""
        self.git("init", "-q", "-b", "main", self.repo, cwd=top)

    def git(self, *args, cwd=None):
        done = subprocess.run(
            ["git", *map(str, args)],
            cwd=cwd or self.repo,
            env={**ENV, **WHO},
            check=True,
            capture_output=True,
        )
        return done.stdout.decode().strip()

    def commit(self, **files):
        for name, text in files.items():
            (self.repo / name).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "a commit")
        return self.git("rev-parse", "HEAD")

    def sync(self, *, ref=None, pinned=None, repo=None, subdir=".", env=ENV, work=None):
        spec = JobSpec("digits", "true", repo=str(repo or self.repo), ref=ref, subdir=subdir)
        return sync(spec, self.tree, pinned, env, work or Work(self.write, QuickClock()))

    def write(self, data):
        self.log += data

    def text(self, name="train.py"):
        return (self.tree / name).read_text()
