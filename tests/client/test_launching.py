"""Two `up`s of one job at once on one laptop: one pod is made, the other command says who is making it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pod_client.launching import launching
from pod_wire.errors import Conflict
from tests.client.conftest import UP
from tests.live import PATIENCE_S, wait_for


def test_two_at_once_make_one_pod(pod):
    """While the first waits for its pod, the second is refused with 3, names its process, and creates nothing."""
    pod.runpod.on_change = lambda _: None  # the pod never answers
    first = pod.start(*UP, "--detach")
    wait_for("the first to have made its pod", lambda: pod.runpod.pods)
    code, _, err = pod.run(*UP, "--detach")
    assert code == 3, err
    assert f"process {first.pid}" in err
    assert "pod-client logs -f job" in err
    assert len(pod.runpod.pods) == 1
    first.terminate()
    first.wait(PATIENCE_S)


def test_a_killed_holder_holds_nothing(tmp_path):
    """The lock ends with its process, however it ended; jobs do not hold each other up, nor do here and there."""
    code = (
        "import os, sys; from pathlib import Path; from pod_client.launching import launching\n"
        "with launching(Path(sys.argv[1]), 'a', is_local=False):\n"
        "    print('held', flush=True); sys.stdin.read(1); os.kill(os.getpid(), 9)\n"
    )
    argv = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Conflict, match=f"process {holder.pid}"), launching(tmp_path, "a", is_local=False):
            pass
        with launching(tmp_path, "b", is_local=False), launching(tmp_path, "a", is_local=True):
            pass
        holder.communicate(b"x")
    with launching(tmp_path, "a", is_local=False):
        assert (tmp_path / "launching/a.lock").read_text() == f"{os.getpid()}\n"
