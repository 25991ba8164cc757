"""Start commands as people write them: which are jobs, which only wait, and what is said of a sleep at the end."""

from __future__ import annotations

import random
import shlex
import subprocess

import pytest

from pod_agent.invocation import understand
from pod_agent.settings import Settings
from pod_wire.job import ExitPolicy

WAITING = [
    [],
    [""],
    ["  "],
    ["sleep", "infinity"],
    ["sleep infinity"],
    ["sleep", "inf"],
    ["sleep", "365d"],
    ["sleep", "999999"],
    ["tail", "-f", "/dev/null"],
    ["tail -F /dev/null"],
    ["/start.sh"],
    ["bash", "/start.sh"],
    ["/bin/bash", "/start.sh"],
    ["sh", "/start.sh"],
    ["bash", "-c", "/start.sh"],
    ["bash", "-c", "bash /start.sh"],
    ["bash", "-lc", "/start.sh"],
    ["/bin/bash", "-c", "exec /start.sh"],
    ["bash", "-c", "sleep infinity"],
    ["bash", "-c", "sleep infinity;"],
    ["bash", "-c", "exec sleep infinity"],
    ["sh", "-c", "tail -f /dev/null"],
    ["bash -c 'sleep infinity'"],
    ["bash", "-c", "while true; do sleep 1000; done"],
    ["bash", "-c", "while :; do sleep 60; done"],
    ["bash", "-c", "/start.sh; sleep infinity"],
    ["bash", "-c", "/start.sh && sleep infinity"],
    ["/bin/sleep", "infinity"],
    ["sleep", "Infinity"],
    ["sleep", "100000000"],
    ["bash", "-c", "sleep infinity & wait"],
    ["sh", "-c", "exec tail -f /dev/null & wait $!"],
    ["sh", "-c", "trap : TERM INT; sleep infinity & wait"],
    ["bash", "-c", "trap 'exit 0' SIGTERM; while true; do sleep 1; done"],
    ["bash"],
    ["/bin/bash"],
    ["bash", "-l"],
    ["pod-agent"],
    ["/usr/local/bin/pod-agent"],
]

JOBS = [
    (["python", "train.py"], "python train.py"),
    (["python train.py --lr 0.1"], "python train.py --lr 0.1"),
    (["python", "train.py", "--name", "a b"], "python train.py --name 'a b'"),
    (["python", "train.py", "--out", "$OUT"], "python train.py --out '$OUT'"),
    (["PYTHONPATH=.", "python", "train.py"], "PYTHONPATH=. python train.py"),
    (["bash", "-c", "python train.py"], "python train.py"),
    (["/bin/bash", "-c", "cd /workspace && python train.py"], "cd /workspace && python train.py"),
    (["/usr/bin/env", "bash", "-c", "echo hi"], "echo hi"),
    (["sh", "-c", "echo hi"], "echo hi"),
    (
        ["bash", "-c", "pip install -r requirements.txt && bash /workspace/train.sh"],
        "pip install -r requirements.txt && bash /workspace/train.sh",
    ),
    (["bash -c 'pip install x && python train.py'"], "pip install x && python train.py"),
    (['bash -c "cd /workspace && python train.py"'], "cd /workspace && python train.py"),
    (["echo", "it's", "it's"], """echo 'it'"'"'s' 'it'"'"'s'"""),
    (["bash", "-c", '"cd', "/a", "&&", "python", 'train.py"'], "cd /a && python train.py"),
    (["bash", "-c", "'python", "train.py'"], "python train.py"),
    (["cd", "/workspace", "&&", "python", "train.py"], "cd /workspace && python train.py"),
    (["cd", "~/my code", "&&", "python", "t.py"], "cd '~/my code' && python t.py"),
    (["cd", "~/code", "&&", "python", "t.py", "--out", "$OUT/x"], "cd ~/code && python t.py --out $OUT/x"),
    (["cat", "*.txt", "|", "python", "-c", "print(1)"], "cat *.txt | python -c 'print(1)'"),
    (["sleep", "60000"], "sleep 60000"),
    (["python", "train.py", "2>&1", "|", "tee", "my log"], "python train.py 2>&1 | tee 'my log'"),
    (["bash", "-lc", "conda activate x && python t.py"], "bash -lc 'conda activate x && python t.py'"),
    (["bash", "-ic", "python t.py"], "bash -ic 'python t.py'"),
    (["bash", "-euxo", "pipefail", "-c", "python t.py"], "bash -euxo pipefail -c 'python t.py'"),
    (["bash", "-c", "echo $0 $1", "a", "b"], "bash -c 'echo $0 $1' a b"),
    (["bash", "start.sh"], "bash start.sh"),
    (["bash", "/workspace/start.sh"], "bash /workspace/start.sh"),
    (["./start.sh"], "./start.sh"),
    (["bash", "-c", "./start.sh --train"], "./start.sh --train"),
    (["bash", "-c", "/start.sh & python train.py"], "/start.sh & python train.py"),
    (["/start.sh", "--train"], "/start.sh --train"),
    (["sleep", "60"], "sleep 60"),
    (["bash", "-c", "sleep 5; echo on"], "sleep 5; echo on"),
    (["cat", "/etc/hostname"], "cat /etc/hostname"),
    (["bash", "-c", "bash -c 'python t.py'"], "python t.py"),
    (["bash", "-c", "exec python t.py"], "exec python t.py"),
    (["bash", "-c", "echo 'sleep infinity'"], "echo 'sleep infinity'"),
    (["bash", "-c", "echo 'a; sleep infinity'"], "echo 'a; sleep infinity'"),
    (["bash", "-c", "python t.py || sleep 60"], "python t.py || sleep 60"),
    (["bash", "-c", "python t.py 'unclosed"], "python t.py 'unclosed"),
    (["torchrun", "--nproc_per_node=8", "train.py"], "torchrun --nproc_per_node=8 train.py"),
    (["accelerate", "launch", "train.py"], "accelerate launch train.py"),
    (["train.ipynb"], "train.ipynb"),
    (["make"], "make"),
    (["pod-agent", "python", "train.py"], "python train.py"),
    (["pod-agent run -- python train.py"], "python train.py"),
    (["bash", "-c", "pod-agent run -- python train.py"], "python train.py"),
    (["pod-agent", "run", "--", "python", "train.py"], "python train.py"),
    (["run", "--", "python train.py && echo on"], "python train.py && echo on"),
    (["run", "--", "bash", "-c", "python t.py"], "python t.py"),
    (["run", "python", "t.py"], "python t.py"),
    (["run", "--", "sleep", "infinity"], "sleep infinity"),
    (["python", "tränen.py", "--тест", "日本"], "python 'tränen.py' '--тест' '日本'"),
]

SSH = (
    "apt update;DEBIAN_FRONTEND=noninteractive apt-get install openssh-server -y;mkdir -p ~/.ssh;cd $_;"
    'chmod 700 ~/.ssh;echo "$PUBLIC_KEY" >> authorized_keys'
)
STAYING = [
    ("python train.py; sleep infinity", "python train.py"),
    ("python train.py && sleep infinity", "python train.py"),
    ("python train.py ; sleep inf ;", "python train.py"),
    ("cd /workspace\npython train.py\nsleep infinity\n", "cd /workspace\npython train.py"),
    ("python train.py 2>&1 | tee log; tail -f /dev/null", "python train.py 2>&1 | tee log"),
    ("python train.py; exec sleep infinity", "python train.py"),
    ("python train.py; sleep infinity & wait", "python train.py"),
    ("python train.py\ntail -f /dev/null &\nwait $!", "python train.py"),
    ("python a.py && python b.py && sleep infinity", "python a.py && python b.py"),
    (f"{SSH};sleep infinity", SSH),
]
ENDLESS = [
    "jupyter lab --allow-root & sleep infinity",
    "trap 'echo bye; kill 0' TERM; python train.py; while :; do sleep 0.1; done",
    "jupyter lab &\npython train.py\nsleep infinity",
    "apt update; service ssh start; sleep infinity",
    "nohup python train.py > log 2>&1 & tail -f /dev/null",
    "/etc/init.d/ssh start; sleep infinity",
]


@pytest.mark.parametrize("words", WAITING, ids=shlex.join)
def test_what_only_waits_is_no_job(words):
    """Nothing, sleeping for ever, a bare shell, and the base image's script in every spelling."""
    assert understand(words).overlay is None


@pytest.mark.parametrize(("words", "command"), JOBS, ids=[shlex.join(words) for words, _ in JOBS])
def test_everything_else_is_a_job(words, command):
    """What bash gets does what the words would have done, and nothing is said of it."""
    asked = understand(words)
    assert (asked.overlay or {}).get("POD_COMMAND") == command
    assert (asked.mistakes, asked.warnings, asked.defaults) == ((), (), {})


@pytest.mark.parametrize(("text", "command"), STAYING)
def test_a_sleep_behind_the_job_means_stay(text, command):
    """It is left out, the pod is kept when the job has ended, idle minutes counting, and that is said."""
    asked = understand(["bash", "-c", text])
    assert asked.overlay == {"POD_COMMAND": command}
    read = Settings.from_env({}, asked)
    assert (read.job.on_finish, read.job.on_failure) == (ExitPolicy.KEEP, ExitPolicy.KEEP)
    assert "POD_IDLE_MINUTES" in read.warnings[0]


def test_a_policy_that_is_set_wins_over_the_sleep():
    """Who says stop gets it, whatever the start command ends in."""
    asked = understand(["bash", "-c", "python train.py; sleep infinity"])
    read = Settings.from_env({"POD_ON_FINISH": "stop", "POD_ON_FAILURE": ""}, asked)
    assert (read.job.on_finish, read.job.on_failure) == (ExitPolicy.STOP, ExitPolicy.KEEP)


@pytest.mark.parametrize("text", ENDLESS)
def test_a_sleep_that_keeps_something_alive_is_the_job_s_own(text):
    """What was begun in the background would end with it: it stays, and the log says that this job never ends."""
    asked = understand(["bash", "-c", text])
    assert asked.overlay == {"POD_COMMAND": text}
    assert "POD_MAX_HOURS" in asked.warnings[0]
    assert asked.defaults == {}


NESTED = [
    ["bash", "-lc", "python t.py"],
    ["bash", "-ec", "python t.py"],
    ["env", "A=1", "bash", "-c", "python t.py"],
    ["timeout", "3h", "bash", "-c", "python t.py"],
]


@pytest.mark.parametrize("words", NESTED, ids=shlex.join)
def test_nothing_is_added_behind_a_shell_of_its_own(words):
    """`bash -lc '…' --resume x` would lose it silently: {resume} has to stand inside, else it is a mistake."""
    told = {"POD_RESUME": "--resume {checkpoint}"}
    read = Settings.from_env(told, understand(words))
    assert "POD_RESUME: has no place" in str(read.mistakes.mistakes[0])
    inside = Settings.from_env(told, understand([*words[:-1], "python t.py {resume}"]))
    assert inside.mistakes is None


def test_every_option_is_the_variable_s():
    """`pod-agent run` takes the contract's fields, values with = or behind, flags without."""
    words = [
        "--repo",
        "https://x/r.git",
        "--resume=--from {checkpoint}",
        "--fresh",
        "--idle-minutes",
        "3",
        "--signal=INT",
    ]
    assert understand(["run", *words, "--", "python", "t.py", "--fresh"]).overlay == {
        "POD_REPO": "https://x/r.git",
        "POD_RESUME": "--from {checkpoint}",
        "POD_FRESH": "1",
        "POD_IDLE_MINUTES": "3",
        "POD_SIGNAL": "INT",
        "POD_COMMAND": "python t.py --fresh",
    }


WRONG = [
    (["run"], "command: is missing"),
    (["run", "--"], "command: is missing"),
    (["run", "--", ""], "command: is missing"),
    (["run", "--repo"], "--repo: needs a value"),
    (["run", "--repo", "--", "x"], "--repo: needs a value"),
    (["run", "--color", "x", "--", "y"], "--color: is no option"),
    (["run", "--max_hours", "3", "--", "y"], "did you mean --max-hours?"),
    (["run", "--on-finnish=stop", "--", "y"], "did you mean --on-finish?"),
    (["run", "-x", "--", "y"], "-x: is no option"),
]


@pytest.mark.parametrize(("words", "said"), WRONG)
def test_a_wrong_option_is_a_mistake_of_the_job(words, said):
    """It is not a crash: the job ends failed, naming what is wrong and what was meant."""
    read = Settings.from_env({}, understand(words))
    assert read.job is not None
    assert said in "; ".join(map(str, read.mistakes.mistakes))


def test_all_mistakes_are_named_at_once():
    """Two wrong options and no command are three mistakes."""
    assert len(understand(["run", "--colour", "--repos=x", "--"]).mistakes) == 3


def test_words_do_what_they_would_have_done():
    """Whatever is in them, bash hands a program exactly the words that were given; random ones, the seed is shown."""
    seed = random.randrange(10**9)
    print(f"seed {seed}")  # noqa: T201
    rng = random.Random(seed)
    for _ in range(25):
        words = ["".join(rng.choices("ab \"'\\$`!*?~#()[]{}\n\té", k=rng.randrange(1, 9))) for _ in range(3)]
        asked = understand(["printf", "%s\\0", *words])
        text = asked.overlay["POD_COMMAND"]
        done = subprocess.run(["bash", "-o", "pipefail", "-c", text], capture_output=True, check=False)
        assert done.stdout.decode().split("\0")[:-1] == words, text
