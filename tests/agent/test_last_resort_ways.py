"""The last resort's ways to stop a pod, before an API that answers as badly as it can."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from pod_agent import last_resort as lr
from tests.fakes.stop_server import StopServer

PROGRAM = Path(lr.__file__)


@pytest.fixture
def server():
    made = []

    def make(**answers):
        made.append(StopServer(**answers))
        return made[-1]

    yield make
    for one in made:
        one.close()


def ways(server, *, tool="exit 1", folder=None, **env):
    path = str(folder)
    if folder is not None:
        (folder / "runpodctl").write_text(f'#!/bin/sh\necho "$@ $RUNPOD_API_KEY" >> {folder}/told\n{tool}\n')
        (folder / "runpodctl").chmod(0o755)
        path = f"{folder}:{os.environ['PATH']}"
    known = {"RUNPOD_POD_ID": "pod-a", "RUNPOD_API_KEY": "a-key-of-the-pod", "PATH": path}
    return lr.ways(known | {"POD_RUNPOD_URL": f"{server.url}/v2"} | env, timeout_s=20.0)


ANSWERS = [
    ({}, "v2 stop"),
    ({"v2": 409}, "v2 stop"),
    ({"v2": 403}, "GraphQL"),
    ({"v2": 500}, "GraphQL"),
    ({"v2": 302}, "GraphQL"),
    ({"v2": 401, "graphql": 403}, None),
    ({"v2": 500, "graphql": 500}, None),
]


@pytest.mark.parametrize(("answers", "taken"), ANSWERS)
def test_the_first_route_that_is_taken_ends_the_round(server, tmp_path, answers, taken):
    """403, 500 and redirects lead to the next one, 409 means that it ends already; each says who asks."""
    said = []
    asked = server(**answers)
    assert lr.climb(ways(asked, folder=tmp_path), 0, said.append) is (taken is not None)
    assert taken is None or said[-1].startswith(f"{taken} took the request")
    assert taken is None or said[-2] == f"asking for the stop by {taken}"
    assert {agent for _, _, _, agent, _ in asked.asked} == {lr.USER_AGENT}


def test_each_round_begins_with_another_route(server, tmp_path):
    """An answer of 200 is not the end: what was believed once is not asked first again."""
    asked = server()
    for i in range(2):
        lr.climb(ways(asked, folder=tmp_path), i, lambda _: None)
    assert [path for _, path, _, _ in asked.stops] == ["/v2/pods/pod-a/action", "/graphql"]


def test_the_tool_is_asked_in_both_spellings(server, tmp_path):
    """Old and new: the key is in the tool's environment, never among its words."""
    told = []
    tool = '[ "$1" = stop ] || { echo "unknown command" >&2; exit 1; }'
    assert lr.climb(ways(server(v2=500, graphql=500), tool=tool, folder=tmp_path), 0, told.append)
    assert (tmp_path / "told").read_text().splitlines() == [
        "pod stop pod-a a-key-of-the-pod",
        "stop pod pod-a a-key-of-the-pod",
    ]
    assert "unknown command" in told[5]


@pytest.mark.parametrize("page", [b"<html>checking your browser</html>", b"[]", b'"x"', b"[" * 100_000])
def test_a_page_is_no_answer(page):
    """200 with HTML, or with anything but an object, is not taken for a stop."""
    with Speaks(b"HTTP/1.0 200 OK\r\n\r\n" + page) as port, pytest.raises(lr.Refused):
        lr.send(f"http://127.0.0.1:{port}/v2", {}, "key", 5)


class Speaks:
    """A server that says these bytes to each who asks, and closes; or says nothing for ever."""

    def __init__(self, data):
        self.data = data
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.held = []

    def __enter__(self):
        threading.Thread(target=self._serve, daemon=True).start()
        return self.socket.getsockname()[1]

    def _serve(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            self.held.append(peer)
            if self.data:
                with suppress(OSError):
                    peer.recv(65536)
                    peer.sendall(self.data)
                    peer.shutdown(socket.SHUT_WR)
                    while peer.recv(65536):
                        pass
                peer.close()

    def __exit__(self, *_):
        self.socket.close()
        for peer in self.held:
            peer.close()


@pytest.mark.parametrize(
    "data", [b"", b"no HTTP at all\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"]
)
def test_silence_and_nonsense_are_refusals(data, tmp_path):
    """A server that never answers, or not in HTTP, or not to the end, costs its time and no more."""
    said = []
    with Speaks(data) as port:
        choice = lr.ways(
            {"RUNPOD_API_KEY": "k", "POD_RUNPOD_URL": f"http://127.0.0.1:{port}/v2", "PATH": str(tmp_path)},
            0.2,
        )
        assert lr.climb(choice, 0, said.append) is False
    assert len([line for line in said if not line.startswith("asking")]) == 4


def test_a_route_that_hangs_is_left(tmp_path):
    """Not even a name server that never answers holds the round."""
    hangs = threading.Event()
    said = []
    try:
        choice = (("hangs", lambda: hangs.wait(60) and None), ("works", lambda: None))
        assert lr.climb(choice, 0, said.append, patience_s=0.1)
    finally:
        hangs.set()
    assert said[:2] == ["asking for the stop by hangs", "hangs: no answer within 0.1 s"]


def test_the_program_needs_nothing_but_python(server, tmp_path):
    """Under -I -S, alone in a folder, it stops the pod; the key is neither said nor an argument."""
    alone = tmp_path / "alone.py"
    alone.write_bytes(PROGRAM.read_bytes())
    asked = server(v2=403)
    env = {
        "RUNPOD_POD_ID": "pod-a",
        "RUNPOD_API_KEY": "not-with-this-key",  # what the fake says: an API may echo it
        "POD_RUNPOD_URL": f"{asked.url}/v2",
        "POD_COMMAND": "true",
        "PODKEEP_DISK_DIR": str(tmp_path),
        "PODKEEP_RUN_DIR": str(tmp_path / "run"),
    }
    argv = [sys.executable, "-I", "-S", str(alone), "8", "1", "1", "run", "--", "x"]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "podStop" in asked.stops[-1][3]
    assert "the agent died 8 times, last with code 1" in done.stderr
    assert "not-with-this-key" not in done.stderr
    assert subprocess.run(argv, env={}, capture_output=True, check=False, timeout=60).returncode == lr.LEAVE
