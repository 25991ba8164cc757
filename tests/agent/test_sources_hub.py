"""Code from the Hugging Face Hub, by the Hub's real client against a Hub on loopback."""

from __future__ import annotations

import pytest

from pod_agent.outputs.came import ID, PLACE
from pod_agent.run.work import StepFailed
from tests.agent.sources import ENV, Place
from tests.fakes.hub_server import FakeHub

pytestmark = pytest.mark.slow  # each question is a program that imports the Hub's client
TOKEN = "hf_a_private_token_of_the_tests"


@pytest.fixture
def hub():
    with FakeHub() as hub:
        yield hub


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def env(hub, **more):
    return {**ENV, "HF_ENDPOINT": hub.url, "NO_PROXY": "127.0.0.1", **more}


@pytest.mark.parametrize(
    ("repo", "text"),
    [("datasets/u/r", "hf://datasets/u/r"), ("models/u/r", "hf://u/r"), ("spaces/u/r", "hf://spaces/u/r")],
)
def test_each_kind_of_repository_is_brought(place, hub, repo, text):
    """The files of the newest commit lie in the tree; the commit is what the run is pinned to."""
    hub.push(repo, {"train.py": "old"})
    commit = hub.push(repo, {"train.py": "one", "lib/model.py": "m", "ünï.txt": "x"})
    assert place.sync(text, env=env(hub)).commit == commit
    assert place.files() == {"train.py": "one", "lib/model.py": "m", "ünï.txt": "x"}
    assert not (place.tree / PLACE / "hub").exists()
    hub.requests.clear()
    assert place.sync(text, pinned=commit, env=env(hub)).commit == commit
    assert hub.requests == [], "a restart asks nobody"


def test_the_commit_stays_until_a_new_order(place, hub):
    """A branch that moved moves the run only when it is ordered again; and then the run's own files stay."""
    first = hub.push("datasets/u/r", {"train.py": "one", "old.py": "o"})
    place.sync("hf://datasets/u/r@main", env=env(hub))
    (place.tree / "ckpt.pt").write_text("precious")
    second = hub.push("datasets/u/r", {"train.py": "two"})
    (place.tree / PLACE / ID).unlink()
    assert place.sync("hf://datasets/u/r@main", pinned=first, env=env(hub)).commit == first
    assert place.files()["train.py"] == "one"
    assert place.sync("hf://datasets/u/r@main", env=env(hub)).commit == second
    assert place.files() == {"train.py": "two", "ckpt.pt": "precious"}


def test_a_private_repository_needs_the_token_and_keeps_it_secret(place, hub):
    """With HF_TOKEN it comes, and the token lies nowhere; without, the remedy names it."""
    hub.push("datasets/u/r", {"train.py": "one"})
    hub.private["datasets/u/r"] = TOKEN
    with pytest.raises(StepFailed, match="private") as refused:
        place.sync("hf://datasets/u/r", env=env(hub))
    assert "HF_TOKEN" in refused.value.hint
    place.sync("hf://datasets/u/r", env=env(hub, HF_TOKEN=TOKEN))
    assert place.files() == {"train.py": "one"}
    assert TOKEN in hub.tokens
    kept = b"".join(path.read_bytes() for path in place.top.rglob("*") if path.is_file())
    assert TOKEN.encode() not in kept + place.log.encode()


@pytest.mark.parametrize(
    ("text", "words"),
    [("hf://datasets/u/none", "no such repository"), ("hf://datasets/u/r@dev", "no such revision")],
)
def test_what_is_not_there_is_said(place, hub, text, words):
    """Each refusal has its reason and its remedy."""
    hub.push("datasets/u/r", {"train.py": "one"})
    with pytest.raises(StepFailed, match=words) as refused:
        place.sync(text, env=env(hub))
    assert refused.value.hint


def test_terms_that_were_not_accepted_are_said(place, hub):
    """A gated repository names its page, not a stack of calls."""
    hub.push("models/u/r", {"train.py": "one"})
    hub.gated.add("models/u/r")
    with pytest.raises(StepFailed, match="terms were not accepted"):
        place.sync("hf://u/r", env=env(hub, HF_TOKEN=TOKEN))


def test_a_hub_that_fails_for_a_while_is_asked_again(place, hub):
    """Server errors and a cut file cost tries, not the job; a Hub that stays away costs the job, with the reason."""
    hub.push("datasets/u/r", {"train.py": "one", "big.txt": "b" * 3_000_000})
    hub.broken = [500]
    hub.cut_after = [1_000_000]
    place.sync("hf://datasets/u/r", env=env(hub))
    assert len(place.files()["big.txt"]) == 3_000_000
    with pytest.raises(StepFailed, match="cannot be reached"):
        Place(place.top / "other").sync("hf://u/r", env=env(hub, HF_ENDPOINT="http://127.0.0.1:9"))
