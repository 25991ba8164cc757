"""The second key for the pod's own stop, and pods that RunPod will not stop: locked ones, members of clusters."""

from __future__ import annotations

import pytest

from pod_agent.pod.armed import Armed, of_both
from pod_agent.pod.myself import Myself
from pod_agent.pod.stop import StopLadder
from pod_agent.settings import Settings
from pod_wire.masker import Masker
from pod_wire.runpod.models import Pod, read_pod
from pod_wire.secrets import Secret
from pod_wire.status import SelfStop
from tests.fakes.clock import FakeClock
from tests.fakes.stop_server import POD, StopServer

OWN, SECOND = "rpa_the_pods_own_key", "rpa_a_second_key"
LOCKED = {**POD, "locked": True}
MEMBER = {**POD, "cluster": {"id": "cluster_1", "rank": 0}}


class Keyed(StopServer):
    """Knows some keys; remembers which key asked for a stop. ``conflict``: what 409 says of the pod."""

    def __init__(self, *known, conflict=None, **answers):
        self.known, self.conflict, self.by = known, conflict, []
        super().__init__(**answers)
        handler, server = self._server.RequestHandlerClass, self
        plain = handler.reply

        def reply(one, status, document):
            key = (one.headers["Authorization"] or "").removeprefix("Bearer ")
            stops = one.command == "POST" and (
                one.path.endswith("/action") or "podStop" in server.asked[-1][4]
            )
            if stops:
                server.by.append((one.path, key))
            if key not in server.known:
                status, document = 401, {"title": "no", "detail": "invalid bearer token", "status": 401}
            elif stops and server.conflict is not None:
                status, document = 409, {"title": "no", "detail": server.conflict, "status": 409}
            plain(one, status, document)

        handler.reply = reply


@pytest.fixture
def runpod():
    made = []

    def make(*known, **answers):
        made.append(Keyed(*known, **answers))
        return made[-1]

    yield make
    for server in made:
        server.close()


def settings(server, folder, *, own=OWN, second=SECOND):
    tool = folder / "runpodctl"
    tool.write_text(f'#!/bin/sh\necho "$@ $RUNPOD_API_KEY" >>{folder}/told\nexit 1\n')
    tool.chmod(0o755)
    env = {"RUNPOD_POD_ID": "pod-a", "POD_RUNPOD_URL": f"{server.url}/v2", "PATH": f"{folder}:/bin:/usr/bin"}
    env |= {name: key for name, key in (("RUNPOD_API_KEY", own), ("POD_STOP_KEY", second)) if key}
    return Settings.from_env(env)


def round_of(asked):
    return StopLadder(Myself(asked).ways(terminate=False), FakeClock(), lambda *_: None).climb()


def test_the_second_key_comes_after_every_route_with_the_first(runpod, tmp_path):
    """The pod's own key is refused on all four; then the second one is tried, and its first route is enough."""
    server = runpod(SECOND)
    found = round_of(settings(server, tmp_path))
    assert server.by == [("/v2/pods/pod-a/action", OWN), ("/graphql", OWN), ("/v2/pods/pod-a/action", SECOND)]
    assert (tmp_path / "told").read_text().splitlines() == [f"pod stop pod-a {OWN}", f"stop pod pod-a {OWN}"]
    assert found.accepted == "v2 stop with POD_STOP_KEY"
    assert SECOND not in (found.error or "") + found.accepted
    assert OWN not in (found.error or "")


def test_the_tool_gets_the_second_key_in_its_environment(runpod, tmp_path):
    """Both spellings with either key; no key is ever a word of a command."""
    found = round_of(settings(runpod(), tmp_path))
    assert found.accepted is None
    told = (tmp_path / "told").read_text().splitlines()
    assert told == [f"{words} pod-a {key}" for key in (OWN, SECOND) for words in ("pod stop", "stop pod")]
    assert found.error.count("with POD_STOP_KEY: ") == 4


def test_who_asked_too_often_goes_on_to_the_next_way(runpod, tmp_path):
    """No rung waits for RunPod's patience: 429 is a refusal, told like any other."""
    server = runpod(OWN, SECOND, v2=429, graphql=429)
    found = round_of(settings(server, tmp_path))
    assert server.by == [
        (path, key) for key in (OWN, SECOND) for path in ("/v2/pods/pod-a/action", "/graphql")
    ]
    assert len((tmp_path / "told").read_text().splitlines()) == 4
    assert found.accepted is None
    assert found.error.count("; ") == 7


def test_a_conflict_is_looked_into_once(runpod, tmp_path):
    """The look for what is in the way waits for nothing either."""
    server = runpod(OWN, conflict="pod is locked", read=429)
    round_of(settings(server, tmp_path, second=None))
    assert sum(method == "GET" for _, method, *_ in server.asked) == 1


@pytest.mark.parametrize(("own", "second", "count"), [(OWN, None, 4), (None, SECOND, 4), (None, None, 0)])
def test_there_are_as_many_ways_as_keys(runpod, tmp_path, own, second, count):
    """A pod without a key of its own stops itself by the second one alone."""
    assert len(Myself(settings(runpod(), tmp_path, own=own, second=second)).ways(terminate=True)) == count


def test_the_second_key_is_the_agent_s_alone(runpod, tmp_path):
    """The job never sees it, the log never shows it, and no value of it is in a repr."""
    read = settings(runpod(), tmp_path)
    assert "POD_STOP_KEY" not in read.job_environment
    assert read.stop_key == Secret(SECOND)
    assert SECOND not in repr(read)
    assert SECOND.encode() not in Masker(read.secrets).mask(f"key is {SECOND}\n".encode())


P, U, N, X = SelfStop.PROVED, SelfStop.UNPROVED, SelfStop.UNKNOWN, SelfStop.IMPOSSIBLE
BOTH = [
    (P, None, P, ()),
    (X, None, X, ("this pod cannot stop itself",)),
    (P, P, P, ()),
    (P, X, P, ("POD_STOP_KEY is of no use",)),
    (P, N, P, ()),
    (U, P, P, ()),
    (U, X, U, ("POD_STOP_KEY is of no use",)),
    (N, P, P, ()),
    (N, X, N, ("POD_STOP_KEY is of no use",)),
    (X, P, P, ("only POD_STOP_KEY can stop this pod",)),
    (X, U, U, ("only POD_STOP_KEY can stop this pod",)),
    (X, N, N, ("only POD_STOP_KEY can stop this pod",)),
    (X, X, X, ("POD_STOP_KEY is of no use", "this pod cannot stop itself")),
]


@pytest.mark.parametrize(("own", "second", "both", "said"), BOTH)
def test_what_both_keys_come_to(own, second, both, said):
    """The better one counts; a key that is of no use is told while there is time to mend it."""
    found = of_both(Armed(own, reason="401"), None if second is None else Armed(second, reason="401"))
    assert found.self_stop is both
    assert len(found.said) == len(said)
    assert all(text.startswith(words) for text, words in zip(found.said, said, strict=True))


def test_pod_and_price_come_from_whichever_key_reads_them():
    """A pod's key that may not read leaves it to the second one."""
    pod = Pod("p", "n", "RUNNING")
    found = of_both(Armed(U), Armed(P, pod, 1.5))
    assert (found.pod, found.price, found.self_stop) == (pod, 1.5, P)
    assert of_both(Armed(P, pod, 2.0), Armed(P, None, 1.5)).price == 2.0


@pytest.mark.parametrize(
    ("record", "words"), [(LOCKED, "is locked"), (MEMBER, "belongs to cluster cluster_1")]
)
def test_a_pod_that_cannot_be_stopped_is_said_at_boot(runpod, tmp_path, record, words):
    """Reading it worked, and proves nothing here: the status warns, with what a person can do."""
    server = runpod(OWN)
    server.pod = record
    found = Myself(settings(server, tmp_path, second=None)).look()
    assert found.self_stop is U
    (said,) = found.said
    assert words in said
    assert "console" in said


@pytest.mark.parametrize(
    ("record", "conflict", "words"),
    [
        (LOCKED, "pod is locked", "the pod is locked, so RunPod refuses to stop it: unlock it"),
        (MEMBER, "pod is a member of a cluster", "belongs to cluster cluster_1"),
        (None, "pod is locked", "the pod is locked"),
    ],
)
def test_a_refusal_for_its_sake_is_said_with_the_remedy(runpod, tmp_path, record, conflict, words):
    """409 is no success where a lock or a cluster is in the way, also when the record cannot be read."""
    server = runpod(OWN, conflict=conflict, read=200 if record else 403)
    server.pod = record or POD
    found = round_of(settings(server, tmp_path, second=None))
    assert found.accepted is None
    assert words in found.error
    assert len((tmp_path / "told").read_text().splitlines()) == 2


@pytest.mark.parametrize("record", [{**POD, "status": "EXITED"}, {**LOCKED, "status": "EXITED"}, POD])
def test_a_pod_that_is_stopped_already_is_stopped(runpod, tmp_path, record):
    """409 for any other reason means that it is ended, or ends."""
    server = runpod(OWN, conflict="cannot stop a pod that is EXITED")
    server.pod = record
    assert round_of(settings(server, tmp_path, second=None)).accepted == "v2 stop"


def test_the_size_of_its_own_disk_is_known_from_its_record():
    """For auto's arithmetic; a network volume is none, and no record is unknown."""
    own = read_pod({**POD, "mounts": {"persistent": {"size": 40, "path": "/workspace"}}})
    network = read_pod({**POD, "mounts": {"network": [{"volumeId": "v", "path": "/workspace"}]}})
    assert Armed(P, own).disk_gb == 40.0
    assert Armed(P, network).disk_gb is None
    assert Armed(U).disk_gb is None
