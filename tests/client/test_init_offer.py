"""`up` without a job: on a terminal it offers to write a pod.toml, elsewhere it says how; nothing is created."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from tests.live import PATIENCE_S
from tests.tables import mostly_slow

LOOP = "import torch\nloss.backward()\n"


@pytest.fixture
def person(pod):
    """Somebody at a terminal, who types an answer."""
    (pod.home / "train.py").write_text(LOOP)

    def types(answer, *argv):
        master, slave = pty.openpty()
        os.write(master, answer)
        program = subprocess.Popen(
            [sys.executable, "-m", "pod_client.cli", "up", *argv],
            cwd=pod.home,
            env=pod.env,
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        said = b""
        try:
            while chunk := os.read(master, 4096):
                said += chunk
        except OSError:  # the terminal is gone with the program
            pass
        os.close(master)
        return program.wait(PATIENCE_S), said.decode()

    return types


def test_yes_writes_one_and_starts_nothing(person, pod):
    """The file is there to be looked over; nothing was asked of RunPod."""
    code, said = person(b"y\n")
    assert code == 2, said
    assert "nothing is billed" in said
    assert "python train.py" in (pod.home / "pod.toml").read_text()
    assert pod.runpod.pods == {}


def test_no_writes_none(person, pod):
    """A no is a no."""
    code, said = person(b"n\n", "--image", "img", "--gpu", "A")
    assert code == 2, said
    assert not (pod.home / "pod.toml").exists()
    assert pod.runpod.pods == {}


def test_no_answer_at_the_question(person, pod):
    """The end of what is typed ends it, as Ctrl-C does."""
    code, said = person(b"\x04")
    assert code == 130, said
    assert not (pod.home / "pod.toml").exists()


@pytest.mark.parametrize(
    "words", mostly_slow(["", "train", "--image img --gpu A", "--json"], "", "--image img --gpu A")
)
def test_without_a_terminal_the_way_is_named(pod, words):
    """A script is told of init, by exit code 2, and nothing is written or created."""
    code, _, err = pod.run("up", *words.split())
    assert code == 2
    assert "pod-client init" in err
    assert not (pod.home / "pod.toml").exists()
    assert pod.runpod.pods == {}
