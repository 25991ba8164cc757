"""A tree of code that comes by the API: in pieces, out of order, twice, cut, too much; and the sync that waits."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import threading

import pytest

from pod_agent.outputs.came import PLACE
from pod_agent.run.code.tree import bring
from pod_agent.run.code.trees import KEPT, Trees
from pod_agent.run.work import StepCancelled, StepFailed
from pod_wire.routes import MAX_PIECE_BYTES, MAX_TREE_BYTES, tree
from pod_wire.source import read_source, tree_text
from tests.agent.live_api import TOKEN, serving
from tests.agent.sources import ENV, Place, tar
from tests.live import wait_for

DATA = tar({"train.py": "one", "big.bin": "ab" * 100_000}, "", top="")
SIZE = len(DATA)
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def api(tmp_path):
    trees = Trees(tmp_path / "ws")
    with serving(
        tmp_path, trees=trees, awaits=lambda one: tmp_path / "ws" / "job" if one == DIGEST else None
    ) as api:
        yield api


def put(api, data, first, total=SIZE, digest=DIGEST, **more):
    told = {"Content-Range": f"bytes {first}-{first + len(data) - 1}/{total}"}
    return api.ask("PUT", tree(digest), data, told, **more)


@contextlib.contextmanager
def begun(api, data):
    """A sender that announced the whole tree and sent so much of it."""
    connection = http.client.HTTPConnection("127.0.0.1", api.server.port, timeout=60)
    with contextlib.closing(connection):
        connection.putrequest("PUT", tree(DIGEST))
        connection.putheader("Authorization", f"Bearer {TOKEN}")
        connection.putheader("Content-Length", str(SIZE))
        connection.putheader("Content-Range", f"bytes 0-{SIZE - 1}/{SIZE}")
        connection.endheaders()
        connection.send(data)
        yield connection


def have(api):
    return api.get(tree(DIGEST)).json()


def test_a_tree_comes_in_pieces(api, tmp_path):
    """Each piece is answered with how much is there; the last one puts the checked file in place, for us alone."""
    assert have(api) == {"format": 1, "have": 0, "whole": False}
    for first in range(0, len(DATA), 50_000):
        answer = put(api, DATA[first : first + 50_000], first)
        assert answer.status == 200
    assert answer.json() == {"format": 1, "have": len(DATA), "whole": True}
    path = tmp_path / "ws/.podkeep/trees" / DIGEST
    assert path.read_bytes() == DATA
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert api.ask("HEAD", tree(DIGEST)).status == 200


def test_a_piece_out_of_order_is_refused_with_the_right_place(api):
    """409, and the question how much is there tells where to go on."""
    put(api, DATA[:1000], 0)
    for first in (0, 500, 2000):
        answer = put(api, DATA[first : first + 500], first)
        assert answer.status == 409
        assert "1000 bytes are here" in answer.json()["detail"]
    assert have(api)["have"] == 1000


def test_a_cut_piece_keeps_what_came(api):
    """The next sender goes on in the middle of a piece."""
    with begun(api, DATA[:70_000]):
        pass
    wait_for("what came is kept", lambda: have(api)["have"] == 70_000)
    assert put(api, DATA[70_000:], 70_000).json()["whole"] is True


def test_a_newer_sender_takes_over_from_one_that_hangs(api, tmp_path):
    """Two at once: what hung writes no more, the newer one finishes."""
    with begun(api, b"") as hangs:
        wait_for("it has its turn", (tmp_path / "ws/.podkeep/trees" / f"{DIGEST}.part").exists)
        assert put(api, DATA[:1000], 0).status == 200
        hangs.send(DATA)
        assert hangs.getresponse().status == 409
    assert put(api, DATA[1000:], 1000).json()["whole"] is True


def test_wrong_bytes_begin_anew(api):
    """What is not the tree that was announced is thrown away, and said."""
    assert put(api, bytes(len(DATA)), 0).status == 409
    assert have(api) == {"format": 1, "have": 0, "whole": False}
    assert put(api, DATA, 0).json()["whole"] is True
    assert put(api, DATA[:10], 0).json()["whole"] is True, "sent again it changes nothing"


@pytest.mark.parametrize(
    ("name", "status"),
    [("ab" * 32, 404), ("AB" * 32, 404), ("..%2f..%2fetc", 404), ("x", 404), (f"{DIGEST}.part", 404)],
)
def test_only_the_tree_that_the_job_waits_for_is_taken(api, tmp_path, name, status):
    """Nobody fills the volume with other things, and no name leads anywhere."""
    assert put(api, b"x", 0, 1, digest=name).status == status
    assert api.get(f"/files/trees/{name}").status == status
    assert not (tmp_path / "ws").exists()


def test_the_route_needs_the_token(api):
    """Without it there is neither reading nor writing."""
    assert put(api, b"x", 0, token=None).status == 401
    assert api.ask("GET", tree(DIGEST), token="wrong").status == 401


def test_sizes_are_limited(api):
    """A piece beyond 50 MB and a tree beyond the cap are 413; a range that does not fit its body is 400."""
    told = {
        "Content-Range": f"bytes 0-{MAX_PIECE_BYTES}/{MAX_TREE_BYTES}",
        "Content-Length": str(MAX_PIECE_BYTES + 1),
    }
    assert api.ask("PUT", tree(DIGEST), b"", told).status == 413
    assert put(api, b"x", 0, MAX_TREE_BYTES + 1).status == 413
    for wrong in ("bytes 0-5/3", "bytes 5-0/10", "bytes */10", "0-9/10", ""):
        answer = api.ask("PUT", tree(DIGEST), b"0123456789", {"Content-Range": wrong})
        assert answer.status == 400, wrong
        assert "Content-Range" in answer.body.decode()
    body = json.dumps({"command": "x" * (2 << 20)})
    assert api.ask("POST", "/jobs", body, {"Content-Type": "application/json"}).status == 413


def test_a_full_disk_is_said_with_the_remedy(tmp_path):
    """507 where more is to come than is free, and where the disk takes no more."""
    trees = Trees(tmp_path)
    trees._make_room(1)
    with pytest.raises(Exception, match="are free on the pod's volume") as full:
        trees._make_room(1 << 60)
    assert (full.value.status, bool(full.value.hint)) == (507, True)
    (tmp_path / "file").write_text("")
    with pytest.raises(Exception, match="cannot keep the tree") as refused:
        Trees(tmp_path / "file").begin(DIGEST, 0, 1, 1)
    assert refused.value.status == 507


def test_older_trees_are_thinned(tmp_path):
    """The newest few stay, for a job that is ordered again."""
    trees = Trees(tmp_path)
    made = []
    for number in range(KEPT + 2):
        data = str(number).encode()
        name = hashlib.sha256(data).hexdigest()
        piece = trees.begin(name, 0, 1, 1)
        piece.write(data)
        piece.close()
        trees.finish(name)
        os.utime(trees.path(name), (number, number))
        made.append(name)
    assert {path.name for path in trees.folder.iterdir()} == set(made[-KEPT:])


def test_a_half_that_another_pod_takes_stays(tmp_path):
    """Two pods on one volume: a tree that is whole takes away only halves that nobody has gone on with for long."""
    mine, theirs = Trees(tmp_path), Trees(tmp_path)
    for name in ("b" * 64, "c" * 64):
        piece = theirs.begin(name, 0, 5, 10)
        piece.write(b"12345")
        piece.close()
    os.utime(theirs.folder / f"{'c' * 64}.part", (1, 1))
    piece = mine.begin(DIGEST, 0, SIZE, SIZE)
    piece.write(DATA)
    piece.close()
    mine.finish(DIGEST)
    assert (theirs.have("b" * 64).size, theirs.have("c" * 64).size) == (5, 0)


def test_the_sync_waits_and_unpacks(tmp_path):
    """While the tree is on its way the log and the status say so; then its files lie in the job's tree, unstripped."""
    place = Place(tmp_path)
    told = []
    work = place.work()
    work.doing = told.append
    done = []
    source = read_source(tree_text(DIGEST))
    (place.tree / PLACE).mkdir(parents=True)
    waiting = threading.Thread(target=lambda: done.append(bring(source, place.tree, ENV, work)))
    waiting.start()
    wait_for("it says that it waits", lambda: "waiting for the code" in place.log)
    trees = Trees(place.tree.parent)
    piece = trees.begin(DIGEST, 0, len(DATA), len(DATA))
    piece.write(DATA)
    piece.close()
    trees.finish(DIGEST)
    waiting.join(20)
    assert done == [(tree_text(DIGEST), ())]
    assert place.files()["train.py"] == "one"
    assert told[0].startswith("waiting for the code")
    assert told[-1] is None
    assert place.sync(tree_text(DIGEST), pinned=tree_text(DIGEST)).commit == tree_text(DIGEST)


def test_a_tree_that_never_comes_ends_the_wait(tmp_path):
    """After the silence the job fails, and the remedy says how to send it; a cancel ends the wait at once."""
    place = Place(tmp_path)
    source = read_source(tree_text(DIGEST))
    with pytest.raises(StepFailed, match="the code did not come") as failed:
        bring(source, place.tree, ENV, place.work(), silence_s=0.01)
    assert "--tree" in failed.value.hint
    work = place.work()
    work.cancel()
    with pytest.raises(StepCancelled):
        bring(source, place.tree, ENV, work)
