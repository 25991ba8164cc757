"""What a person may call a commit, at a git host of our own."""

from __future__ import annotations

import pytest

from pod_agent.run.code.fetching import names
from pod_agent.run.work import StepFailed
from tests.agent.code_place import Place
from tests.fakes.git_server import GitHost
from tests.tables import SLOW, mostly_slow


@pytest.fixture
def place(tmp_path):
    """Refs as GitHub and GitLab publish them: a request's head is in no branch."""
    place = Place(tmp_path)
    place.main = place.commit(**{"train.py": "main"})
    place.git("checkout", "-q", "--detach")
    place.head = place.commit(**{"train.py": "request"})
    place.merged = place.commit(**{"train.py": "merged"})
    for name, commit in {
        "refs/pull/12/head": place.head,
        "refs/pull/12/merge": place.merged,
        "refs/merge-requests/7/head": place.head,
        "refs/heads/feature/deep/name": place.main,
        "refs/heads/pr/5": place.main,
        "refs/pull/5/head": place.head,
        "refs/heads/v1": place.main,
        "refs/tags/v1": place.head,
    }.items():
        place.git("update-ref", name, commit)
    place.git("checkout", "-q", "main")
    return place


@pytest.fixture
def host(tmp_path):
    with GitHost.running(tmp_path) as running:
        yield running


REFS = {
    "pull/12/head": "head", "refs/pull/12/head": "head", "#12": "head", "pr/12": "head", "pull/12": "head",
    "pull/12/merge": "merged", "refs/pull/12/merge": "merged",
    "merge-requests/7/head": "head", "!7": "head", "mr/7": "head", "merge-requests/7": "head",
    "feature/deep/name": "main", "refs/heads/feature/deep/name": "main", "heads/v1": "main",
    "pr/5": "main", "v1": "main", "tags/v1": "head", "refs/tags/v1": "head",
}  # fmt: skip


@pytest.mark.parametrize(
    "ref", mostly_slow(REFS, "#12", "refs/pull/12/merge", "!7", "feature/deep/name", "pr/5", "v1", "tags/v1")
)
def test_every_name_leads_to_its_commit(place, host, ref):
    """Requests in their hosts' spellings, slashes, and a branch before what else has its name."""
    wanted = getattr(place, REFS[ref])
    assert place.sync(ref=ref, repo=host.url("origin/.git")).commit == wanted
    assert place.git("rev-list", "--count", "HEAD", cwd=place.tree) == "1", "its past came along"


@pytest.mark.parametrize("kind", ["full", pytest.param("upper case", marks=SLOW), "short", "request"])
@pytest.mark.parametrize("speaks_v2", [True, False], ids=["any commit", "named ones only"])
def test_commits_by_their_digits(place, host, kind, speaks_v2):
    """A server that gives no single commits gives everything; the commit of a request by all its digits."""
    host.speaks_v2 = speaks_v2
    ref = {
        "full": place.main, "upper case": place.main.upper(), "short": place.main[:8], "request": place.head,
    }[kind]  # fmt: skip
    wanted = place.head if kind == "request" else place.main
    place.commit(**{"train.py": "newer"})
    assert place.sync(ref=ref, repo=host.url("origin/.git")).commit == wanted


@pytest.mark.parametrize("speaks_v2", [True, False], ids=["any commit", "named ones only"])
def test_a_request_that_moved_on_stays_pinned(place, host, speaks_v2):
    """A run keeps its commit when the pull request gets another; a server without single commits gives it by name."""
    host.speaks_v2 = speaks_v2
    repo = host.url("origin/.git")
    assert place.sync(ref="#12", pinned=place.head, repo=repo).commit == place.head


def test_a_commit_that_is_gone_says_so(place, host):
    """A pinned commit that the server no longer has ends with what can be done."""
    with pytest.raises(StepFailed, match="no longer has commit 1111") as caught:
        place.sync(ref="main", pinned="1" * 40, repo=host.url("origin/.git"))
    assert "new order" in caught.value.hint


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        ("#99", "no pull or merge request '#99'"),
        ("nope", "no branch, tag or commit 'nope'"),
        ("abcdef1", "abcdef1"),
    ],
)
def test_what_is_not_there_is_named(place, host, ref, words):
    """The message says which kind of thing was looked for, and which branches there are."""
    with pytest.raises(StepFailed, match=words) as caught:
        place.sync(ref=ref, repo=host.url("origin/.git"))
    assert "main" in caught.value.hint or "all its digits" in caught.value.hint


def test_a_number_is_looked_for_where_its_spelling_says():
    """`#3` is a pull request before a merge request, `!3` the other way round; a branch of that name goes first."""
    assert names("#3")[0] == "refs/heads/#3"
    assert names("#3")[-2:] == ("refs/pull/3/head", "refs/merge-requests/3/head")
    assert names("!3")[-2:] == ("refs/merge-requests/3/head", "refs/pull/3/head")
    assert names(None) == ("HEAD",)


def test_without_a_default_branch_the_others_are_named(place, host):
    """A HEAD that points to a branch which was never pushed leaves the choice to the person."""
    place.git("symbolic-ref", "HEAD", "refs/heads/never-pushed")
    with pytest.raises(StepFailed, match="no default branch") as caught:
        place.sync(repo=host.url("origin/.git"))
    assert "main" in caught.value.hint


def test_a_tag_of_a_file_is_no_commit(place, host):
    """A tag may name anything; what is no commit is said to be none."""
    place.git("tag", "blob", place.git("rev-parse", "HEAD:train.py"))
    with pytest.raises(StepFailed, match="is no commit"):
        place.sync(ref="blob", repo=host.url("origin/.git"))
