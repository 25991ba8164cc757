"""GET /checkpoints: behind the token, answered in bounded time, by one look-up however many ask."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from pod_agent.api.shared import Shared
from pod_wire.checkpoints import CheckpointList, CheckpointSeen, Kind
from pod_wire.errors import PodError, Unreachable
from tests.agent.live_api import LiveApi
from tests.live import wait_for

ONE = CheckpointSeen(
    "/w/j1/hush-hush-hush/ckpt.pt", Kind.OWN, "torch.save", whole=False, size_bytes=5, written_at=1.0,
    why="hush-hush-hush is missing",
)  # fmt: skip
LIST = CheckpointList(2.0, "j1", "r1", "/w/j1", checkpoints=(ONE,))


@pytest.fixture
def live(tmp_path):
    api = LiveApi(tmp_path, ("hush-hush-hush",), checkpoints=lambda: LIST)
    api.server.start()
    yield api
    api.server.stop()


def test_the_list_is_served_and_secrets_are_not(live):
    """What stands in names and reasons is masked; without the token there is no answer."""
    reply = live.get("/checkpoints")
    told = reply.json()["checkpoints"][0]
    assert (reply.status, told["whole"], told["kind"]) == (200, False, "own")
    assert b"hush-hush" not in reply.body
    assert live.get("/checkpoints", token=None).status == 401


def test_a_hung_workspace_costs_one_thread_and_bounded_time():
    """Who asks while a look-up hangs is answered after the same patience, no second look-up begins, and it recovers."""
    hang, begun = threading.Event(), []

    def look():
        begun.append(1)
        hang.wait(60)
        return 7

    async def scene():
        shared = Shared("test", patience_s=0.05)
        asked = [shared.ask("list it", look) for _ in range(20)]
        refused = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(one, Unreachable) and one.status == 503 for one in refused), refused
        assert "has not answered" in refused[0].message
        assert len(begun) == 1
        hang.set()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                return await shared.ask("list it", look)
            except PodError:
                continue
            finally:
                shared.close()
        return None

    assert asyncio.run(scene()) == 7
    wait_for(
        "the thread to end", lambda: not [t for t in threading.enumerate() if t.name.startswith("test-")]
    )


def test_what_goes_wrong_reaches_everybody_who_asked():
    """An error of the look-up is each asker's, and the next one begins anew."""

    def fails():
        raise PodError("cannot list it: no")

    async def scene():
        shared = Shared("test")
        both = await asyncio.gather(*(shared.ask("x", fails) for _ in range(2)), return_exceptions=True)
        after = await shared.ask("x", lambda: 3)
        shared.close()
        return both, after

    both, after = asyncio.run(scene())
    assert [str(one) for one in both] == ["cannot list it: no"] * 2
    assert after == 3


def test_status_and_log_are_answered_while_the_list_hangs(tmp_path):
    """The list has a thread of its own: a hung workspace takes none of the others."""
    hang = threading.Event()
    api = LiveApi(tmp_path, checkpoints=lambda: (hang.wait(60), LIST)[1])
    api.server.start()
    try:
        asking = [threading.Thread(target=api.get, args=("/checkpoints",), daemon=True) for _ in range(12)]
        for one in asking:
            one.start()
        wait_for(
            "the list to be asked for",
            lambda: any(t.name.startswith("api-list") for t in threading.enumerate()),
        )
        assert api.get("/status").status == 200
        assert api.get("/healthz", token=None).status == 200
        hang.set()
        for one in asking:
            one.join(60)
    finally:
        api.server.stop()


def test_a_pod_without_a_job_has_an_empty_list(tmp_path):
    """Nothing is refused where there is nothing to list."""
    api = LiveApi(tmp_path, checkpoints=lambda: CheckpointList(1.0))
    api.server.start()
    try:
        told = api.get("/checkpoints").json()
        assert (told["job"], told["checkpoints"], told["format"]) == (None, [], 1)
    finally:
        api.server.stop()
