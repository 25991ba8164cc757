"""Programs that really fail here, run as the keeper runs them: class, reason and remedy of each."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pod_agent.run.failures.classify import classify
from pod_agent.run.failures.failure import Again, Kind
from tests.agent.failures.cases import CASES, CODE, Case
from tests.agent.failures.place import PROGRAMS, fail, oom_kills
from tests.agent.failures.torch_cases import TORCH
from tests.fakes.hub_server import FakeHub
from tests.story.small_places import small_memory

# In a file's name it means nothing.
MISLEADING = "run-429.403-404/503-Server-Error/loss-nan.CUDA-out-of-memory"
FEW = {"import", "syntax", "misspelt option", "exception", "oom survived", "bar"}


class _Server(ThreadingHTTPServer):
    status = 200
    over: threading.Event


class _Answer(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        if self.server.status < 0:
            self.server.over.wait(20)
            return
        self.send_response(self.server.status)
        if self.server.status == 401:
            self.send_header("WWW-Authenticate", "Basic realm=here")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silent."""


@contextlib.contextmanager
def server(status: int) -> Iterator[str]:
    """Its address; it answers everything so."""
    with _Server(("127.0.0.1", 0), _Answer) as listening:
        listening.status, listening.over = status, threading.Event()
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{listening.server_address[1]}"
        listening.over.set()
        listening.shutdown()
        thread.join()


@contextlib.contextmanager
def hub() -> Iterator[str]:
    """A Hub with an open, a private and a gated repository."""
    with FakeHub() as running:
        for name in ("open", "private", "gated"):
            running.push(f"models/me/{name}", {"a.txt": "a"})
        running.private["models/me/private"] = "hf_of_somebody_else"
        running.gated.add("models/me/gated")
        yield running.url


def evidence_of(case: Case, folder):
    """Run it where it fails."""
    patience_s = 30 if case.place == "hub" else 2  # ours answers, and may be slow on a busy machine
    env = {"HF_HOME": str(folder / "hub"), "HF_HUB_ETAG_TIMEOUT": str(patience_s), "no_proxy": "*"}
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(server(case.status)) if case.place == "server" else ""
        endpoint = stack.enter_context(hub()) if case.place == "hub" else "https://hub.example.com"
        return fail(case.command.replace("{url}", url), folder, case.place, HF_ENDPOINT=endpoint, **env)


def assert_found(case: Case, evidence) -> None:
    found = classify(evidence)
    said = evidence.tail.decode("utf-8", "replace")[-3000:]
    assert found.kind is case.kind, (found, said)
    assert re.search(case.reason, found.reason), (found, said)
    assert case.remedy in found.remedy, found
    assert found.again is case.again
    assert "\n" not in found.reason
    assert len(found.reason) < 600


@pytest.mark.parametrize("name", [n if n in FEW else pytest.param(n, marks=pytest.mark.slow) for n in CASES])
def test_a_failed_program_is_understood(name, tmp_path):
    """Class, reason, remedy and retry of a program that really failed are those of the table, wherever it failed."""
    case, folder = CASES[name], tmp_path / MISLEADING
    folder.mkdir(parents=True)
    assert_found(case, evidence_of(case, folder))


@pytest.mark.slow
def test_a_program_that_the_kernel_killed_is_understood(tmp_path):
    """A worker killed for memory in a cgroup makes the training's own error an out of memory."""
    with small_memory(60_000_000) as group:
        if group is None:
            pytest.skip("no right to make a memory cgroup here; run as root")
        with oom_kills(group) as kills:
            command = f"echo $$ >{group}/cgroup.procs; python {PROGRAMS}/../eats_memory.py || exit 1"
            evidence = fail(command, tmp_path)
    assert kills[0] > 0
    assert evidence.exit_code == 1
    found = classify(replace(evidence, reason="oom"))
    assert found.kind is Kind.HOST_MEMORY
    assert "more memory" in found.remedy
    assert found.again is Again.WITH_PROGRESS


def test_every_program_is_used():
    """Each program of the folder has its case, and there are at least forty cases."""
    commands = " ".join(case.command for case in (CASES | TORCH).values())
    assert [path.name for path in PROGRAMS.iterdir() if path.is_file() and path.name not in commands] == []
    assert len(CASES) >= 40
    assert CODE.keys() <= CASES.keys()
