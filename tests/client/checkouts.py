"""Real checkouts of a laptop: a repository with a remote, and git run in it."""

from __future__ import annotations

import subprocess
from pathlib import Path


def git(folder: Path, *args: object) -> str:
    done = subprocess.run(["git", *map(str, args)], cwd=folder, check=True, capture_output=True)
    return done.stdout.decode().strip()


def checkout(top: Path, name: str = "code") -> Path:
    """A clone of a bare remote with one pushed commit; its files are train.py and pod.toml."""
    remote = top / f"{name}.git"
    git(top, "init", "-q", "--bare", "-b", "main", remote)
    repo = top / name
    git(top, "clone", "-q", remote, repo)
    git(repo, "checkout", "-q", "-b", "main")
    (repo / "train.py").write_text("print('pushed')\n")
    commit(repo, "first")
    git(repo, "push", "-q", "-u", "origin", "main")
    return repo


def commit(repo: Path, words: str) -> str:
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", words)
    return git(repo, "rev-parse", "HEAD")
