"""Archives over HTTP: gone on with where they were cut, tried again, refused in words, and no secret in any."""

from __future__ import annotations

import os

import pytest

from pod_agent.outputs.came import ID, PLACE
from pod_agent.run.code.archive import bring
from pod_agent.run.work import StepCancelled, StepFailed
from pod_wire.source import read_source
from tests.agent.sources import ENV, Place, tar
from tests.fakes.file_server import FileServer

NOISE = os.urandom(400_000).hex()
FILES = {"train.py": "one", "noise.txt": NOISE}
BLOCK = 1 << 16  # what a cut may cost
SECRET = "X-Amz-Signature=0123456789abcdef"


@pytest.fixture
def server():
    with FileServer(tar(FILES)) as server:
        yield server


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return Place(tmp_path)


def url(server, query=""):
    return f"{server.url}/code.tar.gz{query}"


def test_a_download_goes_on_where_it_was_cut(place, server):
    """Each try asks for the rest only, and the whole is the whole."""
    server.faults.cuts = [100_000, 200_000, 1]
    place.sync(url(server))
    assert place.files() == FILES
    begun = [int(asked.removeprefix("bytes=").rstrip("-") or 0) for asked in server.ranges]
    assert begun[0] == 0 < begun[1] <= 100_000 < begun[2] <= 300_000 <= begun[3] + BLOCK
    assert place.log.count("trying again") == 3
    assert not (place.tree / PLACE / "download").exists()


def test_what_comes_after_a_cancel_is_not_written(place, server):
    """A step that was called off while its server was silent may wake when the next one downloads to the same file."""
    (place.tree / PLACE).mkdir(parents=True)
    path = place.tree / PLACE / "download"
    work = place.work()
    beat = work.beat

    def cancelled_amid_it():
        if path.exists():
            work.cancel()
        beat()

    work.beat = cancelled_amid_it
    with pytest.raises(StepCancelled):
        bring(read_source(url(server)), place.tree, None, ENV, work)
    assert path.read_bytes() == b""


@pytest.mark.parametrize("lacks", ["has_ranges", "has_validator"])
def test_a_server_that_cannot_go_on_is_read_from_the_start(place, server, lacks):
    """Without ranges, or without a name for the state of the file, nothing is glued together."""
    setattr(server, lacks, False)
    server.faults.cuts = [10_000]
    place.sync(url(server))
    assert place.files() == FILES


def test_a_file_that_changed_between_two_tries_is_not_glued_together(place, server):
    """The first half of one and the second of another are no archive: it begins anew."""
    server.faults.cuts = [300_000] + [0] * 10
    with pytest.raises(StepFailed):
        place.sync(url(server))
    server.faults.cuts = []
    server.data = tar({"train.py": "two", "noise.txt": NOISE[::-1]})
    place.sync(url(server))
    assert place.files()["train.py"] == "two"


def test_a_killed_download_is_gone_on_with_by_the_next_agent(place, server):
    """What a killed agent had is used, as long as the file is the same."""
    server.faults.cuts = [140_000] + [0] * 10
    with pytest.raises(StepFailed, match="cut after") as failed:
        place.sync(url(server))
    assert "goes on where it was" in failed.value.hint
    there = (place.tree / PLACE / "download").stat().st_size
    assert 140_000 - BLOCK <= there <= 140_000
    server.faults.cuts = []
    server.ranges.clear()
    place.sync(url(server))
    assert server.ranges == [f"bytes={there}-"]
    assert place.files() == FILES


def test_servers_in_trouble_are_asked_again(place, server):
    """429 and 5xx cost tries; too many of them cost the job, saying how often it was tried."""
    server.faults.statuses = [429, 500, 503]
    place.sync(url(server))
    assert place.files() == FILES
    server.faults.statuses = [503] * 9
    with pytest.raises(StepFailed, match=r"answers 503 \(tried 5 times\)"):
        place.sync(f"{server.url}/other.zip")


@pytest.mark.parametrize(
    ("status", "words"), [(401, "denied"), (403, "denied"), (404, "nothing at"), (418, "418")]
)
def test_refusals_are_final_and_say_why(place, server, status, words):
    """One request, the reason, the remedy; and not a letter of the signature."""
    server.faults.statuses = [status]
    with pytest.raises(StepFailed, match=words) as refused:
        place.sync(url(server, f"?{SECRET}"))
    assert len(server.asked) == 1
    assert refused.value.hint
    assert SECRET not in str(refused.value) + place.log


def test_an_unchanged_file_is_not_downloaded_again(place, server):
    """A new order asks once, and hears that nothing has changed."""
    first = place.sync(url(server, f"?{SECRET}"))
    server.ranges.clear()
    assert place.sync(url(server, f"?{SECRET}")).commit == first.commit
    assert len(server.ranges) == 1
    assert "has not changed" in place.log
    server.data = tar({"train.py": "two"})
    assert place.sync(url(server, f"?{SECRET}")).commit != first.commit
    assert place.files() == {"train.py": "two"}
    kept = b"".join(path.read_bytes() for path in place.top.rglob("*") if path.is_file())
    assert SECRET.encode() not in kept + place.log.encode()


def test_a_pinned_download_that_changed_is_refused(place, server):
    """After a loss of the tree the run goes on with its own code or not at all."""
    pinned = place.sync(url(server)).commit
    (place.tree / PLACE / ID).unlink()
    assert place.sync(url(server), pinned=pinned).commit == pinned
    (place.tree / PLACE / ID).unlink()
    server.data = tar({"train.py": "two"})
    with pytest.raises(StepFailed, match="changed since this run began"):
        place.sync(url(server), pinned=pinned)


def test_a_token_of_github_goes_to_github_alone(place, server):
    """Another host never sees it, also not by way of a redirect."""
    env = {**ENV, "GITHUB_TOKEN": "ghp_abcdefghijklmnop"}
    place.sync(url(server), env=env)
    server.redirect_to = url(server)
    place.sync(f"{server.url}/redirect/code.tar.gz", env=env)
    assert server.tokens == {""}


def test_nobody_there_is_said_in_words(place, server):
    """A refused connection and an unknown host end with the reason after a few tries."""
    for address in ("http://127.0.0.1:9/x.tar.gz", "http://nowhere.invalid/x.tar.gz"):
        with pytest.raises(StepFailed, match="cannot download") as failed:
            place.sync(address)
        assert "tried 5 times" in failed.value.message


def test_a_whole_download_of_a_killed_agent_is_used(place, server):
    """All was here, and nothing of it was unpacked: one question, no second download."""
    server.faults.cuts = [len(server.data) - 1] + [0] * 10
    with pytest.raises(StepFailed):
        place.sync(url(server))
    server.faults.cuts = []
    (place.tree / PLACE / "download").write_bytes(server.data)
    server.ranges.clear()
    place.sync(url(server))
    assert server.ranges == [f"bytes={len(server.data)}-"]
    assert place.files() == FILES
