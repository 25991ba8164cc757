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


def rivals_tree(folder: Path, repo: Path) -> Path:
    """A clone with an environment beside it that satisfies the requirements."""
    tree = folder / "tree"
    subprocess.run(["git", "clone", "-q", str(repo), str(tree)], env=environment(), check=True)
    subprocess.run(python("-m", "venv", tree / ".venv"), env=environment(), check=True)
    pip = [str(tree / ".venv/bin/pip"), "install", "-q", "-r", "requirements.txt"]
    subprocess.run(pip, cwd=tree, env=environment(), check=True)
    return tree


def rivals_life(tree: Path, moments: Path) -> float:
    """Seconds to the training."""
    earlier, start = len(began(moments)), time.time()
    words = ["bash", "-c", RIVAL, "bash", command(moments)]
    running = subprocess.Popen(words, cwd=tree, env=environment(), stderr=subprocess.DEVNULL)
    wait_until("the rival trains", functools.partial(has_begun, moments, earlier), 60)
    running.kill()
    running.wait()
    return began(moments)[-1] - start


def take_turns(folder: Path, repo: Path) -> tuple[list[tuple[float, float]], list[float]]:
    """Lives of ours and of the rival, one after the other, so that a busy machine is busy for both."""
    place, tree = folder / "pod", rivals_tree(folder, repo)
    place.mkdir()
    mine, theirs = place / "moments", folder / "moments"
    with Pod(place, command(mine), POD_REPO=str(repo), POD_RESUME="") as pod:
        pod.start()
        wait_until("the first life trains", lambda: bool(began(mine)), INSTALL_S)
        time.sleep(2.0)
        pod.crash()
        turns = [(one_life(pod, mine), rivals_life(tree, theirs)) for _ in range(RUNS)]
    return [turn[0] for turn in turns], [turn[1] for turn in turns]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        lives, others = take_turns(Path(name), repository(Path(name)))
    trained, answered = zip(*lives, strict=True)
    say(
        "restart",
        "podkeep",
        training_s=round(median(trained), 3),
        healthz_s=round(median(answered), 3),
        runs=[round(seconds, 3) for seconds in trained],
    )
    say(
        "restart",
        "git pull + pip install -r",
        training_s=round(median(others), 3),
        runs=[round(seconds, 3) for seconds in others],
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
