"""A container comes back with nothing changed: the agent's exec until the training's, and until /healthz answers.

``python bench/restart.py``. The code is a git repository at a pinned commit, the requirements are those of
examples/digits, installed by the first life. The rival does by hand what start scripts do: ``git pull``, a satisfied
``pip install -r``, exec. Both pull from a repository on this disk: no network is timed for anybody.
"""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measured import RUNS, environment, median, python, say, wait_until
from pod import ROOT, Pod

REQUIREMENTS = ROOT / "examples" / "digits" / "requirements.txt"
RIVAL = 'git pull -q && .venv/bin/pip install -q --disable-pip-version-check -r requirements.txt && exec bash -c "$1"'
INSTALL_S = 300.0


def repository(folder: Path) -> Path:
    repo = folder / "repo"
    repo.mkdir()
    (repo / "requirements.txt").write_bytes(REQUIREMENTS.read_bytes())
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "A job"]):
        subprocess.run([*git, *words], cwd=repo, env=environment(), check=True)
    return repo


def command(moments: Path) -> str:
    """The training's first deed is to say when it began."""
    return f'echo "$EPOCHREALTIME" >> {moments}; exec sleep 100000'


def began(moments: Path) -> list[float]:
    return [float(line) for line in moments.read_text().split()] if moments.exists() else []


def has_begun(moments: Path, earlier: int) -> bool:
    return len(began(moments)) > earlier


def one_life(pod: Pod, moments: Path) -> tuple[float, float]:
    """Seconds to the training, and to the first answer of /healthz."""
    lives = len(began(moments))
    start = pod.start()
    answered = 0.0
    until = time.time() + 60
    while not answered or len(began(moments)) == lives:
        if time.time() > until:
            raise SystemExit(f"the training did not come back; the pod said:\n{pod.said()}")
        if not answered and pod.answers():
            answered = time.time()
        time.sleep(0.02)
    time.sleep(1.0)  # the state of a life that is well under way
    pod.crash()
    return began(moments)[lives] - start, answered - start


def ours(folder: Path, repo: Path) -> None:
    place = folder / "pod"
    place.mkdir()
    moments = place / "moments"
    with Pod(place, command(moments), POD_REPO=str(repo), POD_RESUME="") as pod:
        pod.start()
        wait_until("the first life trains", lambda: bool(began(moments)), INSTALL_S)
        time.sleep(2.0)
        pod.crash()
        lives = [one_life(pod, moments) for _ in range(RUNS)]
    trained, answered = zip(*lives, strict=True)
    say(
        "restart",
        "podkeep",
        training_s=round(median(trained), 3),
        healthz_s=round(median(answered), 3),
        runs=[round(seconds, 3) for seconds in trained],
    )


def rival(folder: Path, repo: Path) -> None:
    tree, moments = folder / "tree", folder / "moments"
    subprocess.run(["git", "clone", "-q", str(repo), str(tree)], env=environment(), check=True)
    subprocess.run(python("-m", "venv", tree / ".venv"), env=environment(), check=True)
    pip = [str(tree / ".venv/bin/pip"), "install", "-q", "-r", "requirements.txt"]
    subprocess.run(pip, cwd=tree, env=environment(), check=True)
    spent = []
    for _ in range(RUNS):
        start = time.time()
        words = ["bash", "-c", RIVAL, "bash", command(moments)]
        running = subprocess.Popen(words, cwd=tree, env=environment())
        wait_until("the rival trains", functools.partial(has_begun, moments, len(spent)), 60)
        running.kill()
        running.wait()
        spent.append(began(moments)[-1] - start)
    say(
        "restart",
        "git pull + pip install -r",
        training_s=round(median(spent), 3),
        runs=[round(seconds, 3) for seconds in spent],
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        repo = repository(Path(name))
        ours(Path(name), repo)
        rival(Path(name), repo)


if __name__ == "__main__":
    main(*sys.argv[1:])
