"""A git host that fails on purpose: what comes of it, in which words, and where its token is found: nowhere."""

from __future__ import annotations

import re
import threading

import pytest

from pod_agent.run.code.checkout import check_out
from pod_agent.run.work import StepCancelled, StepFailed, Work
from pod_wire.clock import RealClock
from pod_wire.errors import BadInput
from pod_wire.job import JobSpec
from pod_wire.parse import parse_body
from tests.agent.code_place import ENV, Place
from tests.agent.secret_watch import SecretWatch
from tests.fakes.git_server import ALWAYS, GitHost
from tests.live import wait_for
from tests.tables import SLOW

TOKEN = "glpat-PlantedForGitFaults-7Kq2"
WRONG = "glpat-PlantedAndWrong-9Zx4"


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.fixture
def host(place, tmp_path):
    place.commit(**{"train.py": "one", "weights.txt": "".join(f"{n * n}\n" for n in range(4000))})
    with GitHost.running(tmp_path) as running:
        running.login = f"oauth2:{TOKEN}"
        yield running


def sync(place, host, token=TOKEN, patience_s=60, **more):
    env = {**ENV, "GIT_HTTP_LOW_SPEED_TIME": str(patience_s), **({"POD_GIT_TOKEN": token} if token else {})}
    return place.sync(repo=host.url("origin/.git"), env=env, **more)


PASSING = [
    (429, "429"), (500, "fault of its own"), (503, "fault of its own"), ("cut", "cut"), ("garbage", "not git's"),
]  # fmt: skip
SILENT = pytest.param("hang", "says nothing", marks=pytest.mark.slow)


@pytest.mark.parametrize("where", [pytest.param("info/refs", marks=SLOW), "/git-upload-pack"])
@pytest.mark.parametrize(("fault", "words"), PASSING)
def test_what_passes_is_waited_out(place, host, fault, words, where):
    """A fault that comes twice is said twice and tried a third time; the commit is there in the end."""
    commit = place.git("rev-parse", "HEAD")
    host.fail(fault, times=2, where=where)
    with SecretWatch(TOKEN) as watch:
        assert sync(place, host).commit == commit
    said = place.log.decode()
    assert re.findall(r"trying again in \d+ s", said)[1:] != []
    assert words in said
    assert (watch.found, watch.below(place.tree)) == (set(), [])
    assert TOKEN not in said


@pytest.mark.parametrize(("fault", "words"), [*PASSING, SILENT])
def test_what_does_not_pass_fails_with_what_was_tried(place, host, fault, words):
    """After four tries the reason, their number and their seconds are said, and a remedy."""
    host.fail(fault)
    with SecretWatch(TOKEN) as watch, pytest.raises(StepFailed) as caught:
        sync(place, host, patience_s=1 if fault == "hang" else 60)
    told = str(caught.value)
    assert words in told
    assert re.search(r"tried 4 times over \d+ s", told)
    assert caught.value.hint
    assert (watch.found, watch.below(place.tree)) == (set(), [])
    assert TOKEN not in f"{told} {caught.value.hint} {place.log!r}"
    assert list(place.tree.rglob("tmp_*")) == [], "half a pack lies about"


FINAL = [
    # fault, token given, reason, remedy
    (None, "", "asked without a login", "give POD_GIT_TOKEN with read access"),
    (None, WRONG, r"access was denied to POD_GIT_TOKEN, which was given to 127\.0\.0\.1", "has not expired"),
    (403, TOKEN, "access was denied to POD_GIT_TOKEN", "may read this repository"),
    (403, "", "asked without a login", "give POD_GIT_TOKEN"),
    (404, "", "no such repository, or access was denied: 127.0.0.1 was asked without", "give POD_GIT_TOKEN"),
    (404, TOKEN, "no such repository, or access was denied to POD_GIT_TOKEN", "check the address"),
    ("html", TOKEN, "empty, or the address is that of a web page", "check POD_REPO"),
]


@pytest.mark.parametrize("case", FINAL)
def test_a_refusal_is_final_at_once(place, host, case):
    """401, 403 and 404 are not tried again; the remedy depends on the token that was given, and on its host."""
    fault, token, reason, remedy = case
    if fault:
        host.fail(fault)
    with SecretWatch(TOKEN, WRONG) as watch, pytest.raises(StepFailed, match=reason) as caught:
        sync(place, host, token=token)
    assert remedy in caught.value.hint
    assert b"trying again" not in place.log
    assert (watch.found, watch.below(place.tree)) == (set(), [])
    assert "Planted" not in f"{caught.value} {caught.value.hint} {place.log!r}"


def test_a_slow_server_is_waited_for(place, host):
    """Bytes that trickle are bytes."""
    host.fail("slow")
    assert sync(place, host).commit == place.git("rev-parse", "HEAD")
    assert b"trying again" not in place.log


@pytest.mark.slow
def test_a_silent_server_is_given_up_and_asked_again(place, host):
    """A connection without a byte ends after the time that is set, and is a fault that may pass."""
    host.fail("hang", times=1, where="/git-upload-pack")
    assert sync(place, host, patience_s=2).commit == place.git("rev-parse", "HEAD")
    assert b"says nothing; trying again" in place.log


def test_nobody_there_is_said(place, host):
    """A port that is closed is tried four times."""
    with pytest.raises(StepFailed, match=r"cannot be reached \(tried 4 times"):
        place.sync(repo="http://127.0.0.1:9/x.git")


def test_a_cancel_ends_a_silent_fetch(place, host, tmp_path):
    """A step that is cancelled does not wait for a server that says nothing, nor for a pause."""
    host.fail("hang")
    work = Work(place.write, RealClock())
    outcome = []

    def run():
        try:
            place.sync(repo=host.url("origin/.git"), work=work)
        except StepCancelled:
            outcome.append("cancelled")

    thread = threading.Thread(target=run)
    thread.start()
    wait_for("a request", lambda: host.seen)
    work.cancel()
    thread.join(30)
    assert outcome == ["cancelled"]


def test_a_token_for_another_host_is_not_sent_and_that_is_said(place, host):
    """GITHUB_TOKEN is for github.com: another host neither gets it, nor is it kept from the person why."""
    with pytest.raises(StepFailed) as caught:
        place.sync(repo=host.url("origin/.git"), env={**ENV, "GITHUB_TOKEN": TOKEN})
    assert "GITHUB_TOKEN was not sent, being for another host" in caught.value.hint
    assert {request.login for request in host.seen} == {""}


def test_a_server_that_sends_the_token_back_does_not_get_it_into_the_log(place, host):
    """What the far end says for people is shown, less any login."""
    host.fail("echo")
    with pytest.raises(StepFailed) as caught:
        sync(place, host)
    assert b"the server says: trouble; your login is oauth2:*****" in place.log
    assert TOKEN not in f"{caught.value} {caught.value.hint} {place.log!r}"


def test_the_pauses_grow_and_are_spread(place, host):
    """About 1, 4 and 15 seconds, a quarter more or less as the dice say; many pods do not knock at once."""

    class Noting(RealClock):
        def sleep(self, seconds):
            slept.append(seconds)

    host.fail(503)
    for dice, pauses in ((0.0, (0.75, 3.0, 11.25)), (1.0, (1.25, 5.0, 18.75))):
        slept: list[float] = []
        with pytest.raises(StepFailed):
            check_out(
                JobSpec("digits", "true", repo=host.url("origin/.git")),
                place.tree, None, ENV, Work(place.write, Noting()), chance=lambda dice=dice: dice,
            )  # fmt: skip
        assert sum(slept) == pytest.approx(sum(pauses))


def test_a_redirect_to_another_host_does_not_take_the_token_along(place, host, tmp_path):
    """Whoever sends git elsewhere does not get its login sent there."""
    with GitHost.running(tmp_path) as other:
        other.login = "somebody:else"
        host.fail(f"to {other.url()}")
        with pytest.raises(StepFailed, match="access was denied"):
            sync(place, host)
        assert other.seen
        assert {request.login for request in other.seen} == {""}


@pytest.mark.parametrize(
    "repo", ["https://me:hidden-hidden@host/x", "https://hidden-hidden@host/x", "ssh://a:hidden-hidden@h/x"]
)
def test_an_ordered_address_that_holds_a_login_is_refused(repo):
    """Also in a POST: the job is not accepted, the remedy is a variable, and the login is not said again."""
    with pytest.raises(BadInput) as caught:
        parse_body({"command": "true", "repo": repo})
    told = str(caught.value.mistakes)
    assert "POD_GIT_TOKEN" in told
    assert "hidden" not in told


def test_times_are_counted(host):
    """The host fails as often as it is told, and where it is told."""
    host.fail(500, times=1, where="info")
    assert [host.fault_at("/x"), host.fault_at("/info"), host.fault_at("/info")] == [None, 500, None]
    assert ALWAYS > 1000
