"""The client's sending against the agent's own API: both ends as they are, over HTTP."""

from __future__ import annotations

import contextlib

import pytest

from pod_agent.run.code.trees import Trees
from pod_client.agent_api import AgentApi, TreeState
from pod_client.code.listing import list_tree
from pod_client.code.packing import pack
from pod_client.code.sending import Sending
from pod_client.session import RequestsTransport
from pod_wire.errors import Conflict, NoRoom, NotFound, Refused
from pod_wire.secrets import Secret
from tests.agent.live_api import TOKEN, serving
from tests.fakes.clock import FakeClock


class Screen:
    def __init__(self):
        self.said = []

    def step(self, text):
        self.said.append(text)

    note = step


@pytest.fixture
def tree(tmp_path):
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "train.py").write_text("print(1)\n" * 5000)
    with contextlib.closing(pack(list_tree(folder, has_git=False))) as packed:
        yield packed


@contextlib.contextmanager
def agent(place, waits_for, trees, token=TOKEN):
    with serving(place, trees=trees, awaits=lambda one: place / "job" if one == waits_for else None) as live:
        yield AgentApi(f"http://127.0.0.1:{live.server.port}", Secret(token), RequestsTransport())


def test_what_is_sent_is_what_is_there(tmp_path, tree):
    """In pieces of a few bytes, then once more: the second time nothing is sent."""
    trees = Trees(tmp_path / "ws")
    with agent(tmp_path, tree.digest, trees) as api:
        for words in ("sent the code", "nothing was sent"):
            screen = Screen()
            Sending(api, tree, screen, FakeClock(), piece=40).send()
            assert words in screen.said[-1]
    assert trees.path(tree.digest).read_bytes() == tree.read(0, tree.size)


def test_each_refusal_is_its_own_error(tmp_path, tree):
    """Out of order, not awaited, another token, a volume that takes nothing: the sender can tell them apart."""
    with agent(tmp_path, tree.digest, Trees(tmp_path / "ws")) as api:
        assert api.put_piece(tree.digest, tree.read(0, 10), 0, tree.size) == TreeState(10, whole=False)
        with pytest.raises(Conflict, match="10 bytes are here"):
            api.put_piece(tree.digest, tree.read(0, 10), 0, tree.size)
        with pytest.raises(NotFound, match="no job here waits for it"):
            api.tree("ab" * 32)
    with (
        agent(tmp_path, tree.digest, Trees(tmp_path / "ws"), token="another-token") as api,
        pytest.raises(Refused),
    ):
        api.tree(tree.digest)
    (tmp_path / "file").write_text("")
    with agent(tmp_path, tree.digest, Trees(tmp_path / "file")) as api, pytest.raises(NoRoom) as full:
        api.put_piece(tree.digest, tree.read(0, 10), 0, tree.size)
    assert "--mount" in full.value.hint
