"""The server's life: starting, owing, finishing, stopping, and a mount that hangs."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from pod_agent.api.bare_server import MOST_CONNECTIONS, most_connections
from pod_agent.api.desk import Desk
from pod_agent.api.followers import Followers
from pod_agent.api.log_stream import LogAnswer, open_log
from pod_agent.api.query import LogQuery
from pod_agent.api.server import HttpServer
from pod_agent.outputs.log import JobLog
from pod_agent.outputs.masked import BLOCK, MaskedLog
from pod_wire.errors import PodError
from pod_wire.masker import Masker
from pod_wire.status import Phase
from tests.agent.live_api import LiveApi, serving
from tests.agent.test_api_logs import Stream
from tests.live import PATIENCE_S, wait_for


def test_finishing_gives_followers_everything_and_lets_them_go(tmp_path):
    """What was appended right before is sent; then nobody is owed bytes, only the final status."""
    with serving(tmp_path) as api:
        api.log.append(b"running\n")
        stream = Stream(api)
        wait_for("a follower that has it all", lambda: stream.got and not api.server.owed())
        api.log.append(b"x" * (8 << 20) + b"last\n")
        api.live = False
        api.server.finish()
        assert api.server.owed()
        stream.join(PATIENCE_S)
        assert stream.ended
        assert len(stream.got) == 8 + (8 << 20) + 5
        assert stream.got.endswith(b"last\n")
        assert api.server.owed()
        api.get("/status")
        assert not api.server.owed()


def test_strangers_who_never_finish_asking_hold_nobody_up(tmp_path):
    """However many connect and say half a request, only so many stay, and whoever comes after they left is served."""
    assert [most_connections(count) for count in (16, 40, 1024, 1 << 20)] == [8, 10, 256, 256]
    with serving(tmp_path) as api:
        strangers = [
            socket.create_connection(("127.0.0.1", api.server.port)) for _ in range(MOST_CONNECTIONS + 50)
        ]
        for one in strangers:
            with contextlib.suppress(OSError):
                one.send(b"GET / HTTP/1.1\r\nX: ")
        wait_for("fifty are cut", lambda: sum(map(_is_cut, strangers)) >= 50)
        assert sum(map(_is_cut, strangers)) < len(strangers) - 50, "not for asking too slowly"
        for one in strangers:
            one.close()
        wait_for("an answer", lambda: _answers(api))


def _is_cut(one):
    one.settimeout(0)
    try:
        return one.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _answers(api):
    try:
        return api.get("/healthz", token=None).status == 200
    except OSError:
        return False


def test_somebody_who_does_not_read_is_owed(tmp_path):
    """A follower behind a slow line counts until it has everything."""
    with serving(tmp_path) as api:
        api.log.append(b"x" * (64 << 20))
        answer = api.open("GET", "/logs?follow=1")
        time.sleep(0.2)
        assert api.server.owed()
        read = 0
        while read < 64 << 20:
            read += len(answer.read1(1 << 20))
        wait_for("nobody is owed", lambda: not api.server.owed())


NAMES = {"http", "api-read-1", "api-ask-1"}


class LateDesk(Desk):
    """Right after its second read, more is appended and the server is told to finish."""

    def __init__(self, late):
        super().__init__("late", 1)
        self._reads = 0
        self._late = late

    async def do(self, work):
        result = await super().do(work)
        self._reads += 1
        if self._reads == 2:
            self._late()
        return result


async def stream(opened, desk, followers, sent, pause_s=0.0):
    """A following answer without a server: what it sends is appended to ``sent``."""

    async def receive():
        await asyncio.Event().wait()

    async def send(message):
        sent.append(message.get("body", b""))
        await asyncio.sleep(pause_s)

    answer = LogAnswer(
        opened,
        LogQuery(follow=True),
        readers=desk,
        followers=followers,
        is_complete=lambda: False,
        follow_s=5.0,
    )
    await answer({"type": "http"}, receive, send)


def test_what_comes_between_a_read_ahead_and_the_finish_is_sent(tmp_path):
    """A read that was begun before the end was known is not taken for the last one."""
    log = JobLog(tmp_path / "j")
    log.append(b"x" * (BLOCK + 100_000))
    opened = open_log(MaskedLog(log, Masker([]), lambda: True), LogQuery(follow=True))
    followers = Followers(time.monotonic)
    sent = []

    def late():
        log.append(b"late")
        followers.finish()

    asyncio.run(stream(opened, LateDesk(late), followers, sent, pause_s=0.05))
    assert b"".join(sent) == b"x" * (BLOCK + 100_000) + b"late"
    assert len(followers) == 0


def test_without_events_a_follower_looks_for_itself(tmp_path):
    """On a mount that tells nothing, or with no inotify left, lines still come within a tenth of a second or so."""
    log = JobLog(tmp_path / "j")
    log.append(b"first\n")
    opened = open_log(MaskedLog(log, Masker([]), lambda: True), LogQuery(follow=True))
    opened.growth.close()
    assert opened.growth.fileno() is None
    followers = Followers(time.monotonic)
    sent = []

    async def both():
        following = asyncio.create_task(stream(opened, Desk("both", 1), followers, sent))
        await asyncio.sleep(0.1)
        log.append(b"second\n")
        await asyncio.sleep(0.3)
        assert b"".join(sent) == b"first\nsecond\n"
        followers.finish()
        await following

    asyncio.run(both())


def test_asking_once_more_for_what_one_has_is_not_waited_for(tmp_path):
    """A follower that already had everything when it asked does not keep the agent."""
    with serving(tmp_path) as api:
        api.log.append(b"all\n")
        api.server.finish()
        api.get("/logs?follow=1")
        api.get("/status")
        api.get("/logs?follow=1&offset=4")
        # the last bytes may reach us before the server has taken note; far from the seconds a debt is waited for
        wait_for("nothing is owed", lambda: not api.server.owed(), within_s=1)


def test_stopping_is_quick_also_with_followers(tmp_path):
    """Idle keep-alive connections and followers that were let go hold nothing."""
    with serving(tmp_path) as api:
        api.log.append(b"x\n")
        api.get("/status")
        stream = Stream(api)
        wait_for("a follower", lambda: stream.got)
        began = time.monotonic()
        api.server.finish()
        api.server.stop()
        assert time.monotonic() - began < 2.5  # who is held is given up after 3 s
        stream.join(20)
        assert stream.ended
        with pytest.raises(ConnectionError):
            api.get("/healthz")


def test_a_taken_port_is_said_with_its_number(tmp_path):
    """The message names the port and what to set."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = HttpServer(LiveApi(tmp_path).parts, port, "127.0.0.1")
        with pytest.raises(PodError, match=f"cannot listen on port {port}") as refusal:
            server.start()
        assert "POD_PORT" in refusal.value.hint


def test_a_hung_mount_holds_its_own_readers_only(tmp_path):
    """More log requests than there are threads hang; /healthz, /status and /metrics still answer at once."""
    with serving(tmp_path) as api:
        api.log.create()
        api.hold.clear()
        hanging = [threading.Thread(target=api.get, args=("/logs",)) for _ in range(12)]
        for thread in hanging:
            thread.start()
        time.sleep(0.2)
        for path in ("/healthz", "/status", "/metrics"):
            began = time.monotonic()
            assert api.get(path).status == 200
            assert time.monotonic() - began < 5  # the others hang until they are released
        api.hold.set()
        for thread in hanging:
            thread.join(20)


def test_importing_the_server_imports_no_framework():
    """Starlette and uvicorn come with start, after the keeper is off."""
    code = (
        "import sys; import pod_agent.api.server; "
        "print(sorted(sys.modules.keys() & {'fastapi', 'uvicorn', 'starlette', 'prometheus_client', 'asyncio'}))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert out.stdout.strip() in {"[]", "['asyncio']"}


def test_an_agent_that_nobody_asks_for_its_page_never_imports_fastapi():
    """Nearly half a second of a start, and twelve megabytes beside the job, are for those alone who ask."""
    code = (
        "import sys; import pod_agent.api.app, pod_agent.api.bare_server; "
        "print(sorted(sys.modules.keys() & {'fastapi', 'pydantic', 'starlette'}))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert out.stdout.strip() == "['starlette']"


def test_stopping_leaves_no_thread(tmp_path):
    """What the server started has ended with it."""
    with serving(tmp_path) as api:
        api.log.append(b"x")
        api.get("/logs")
        api.ask("POST", "/stop")
    wait_for("no thread of ours", lambda: not [t for t in threading.enumerate() if t.name in NAMES])


def test_signals_stay_as_they_were(tmp_path):
    """The server's thread takes no signal from the agent's main thread."""
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with serving(tmp_path) as api:
        assert api.get("/healthz").json()["phase"] == Phase.RUNNING
        assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
