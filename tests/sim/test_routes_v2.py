"""RunPod's v2 API over real HTTP."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest

from pod_sim.problems import NO_INSTANCES
from tests.live import PATIENCE_S, wait_for
from tests.sim.conftest import Account, body

MOUNT = {"persistent": {"size": 10, "path": "/workspace"}}


@pytest.fixture(scope="module")
def pod(account: Account):
    pod = account.running(ports=["8787/http", "22/tcp"])
    yield pod
    account.act(pod, "terminate")


def raw(account: Account, path: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    request = urllib.request.Request(account.simulator.url + path, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read(), dict(refusal.headers)


def test_a_create_is_201_and_provisioning(account):
    """The answer to a create is a pod that is not up yet."""
    status, made = account.call("POST", "/v2/pods", body())
    assert (status, made["status"], made["runtime"], made["startedAt"]) == (201, "PROVISIONING", None, None)
    assert account.act(made["id"], "terminate") == 204


def test_statuses_come_in_order(account):
    """From PROVISIONING to RUNNING and never back, with a runtime only once there is a container."""
    _, now = account.call("POST", "/v2/pods", body())
    pod, seen = now["id"], [(now["status"], False)]

    def look() -> bool:
        now = account.get(pod)
        seen.append((now["status"], now["runtime"] is not None))
        return now["status"] == "RUNNING"

    wait_for("the pod runs", look, every_s=0.01)
    names = list(dict.fromkeys(name for name, _ in seen))
    assert names in (["PROVISIONING", "STARTING", "RUNNING"], ["PROVISIONING", "RUNNING"])  # who looks late
    assert ("PROVISIONING", True) not in seen
    assert seen[-1] == ("RUNNING", True)
    account.act(pod, "terminate")


def test_a_refused_body_makes_nothing(account):
    """After a 422 and a 400 there is no more pod than before."""
    before = set(account.simulator.pods())
    status, said = account.call("POST", "/v2/pods", body(bogus=1))
    assert (status, said["errors"]) == (422, ["$: additional properties 'bogus' not allowed"])
    status, said = account.call("POST", "/v2/pods", body(gpu={"id": "NVIDIA B200", "count": 1}))
    assert (status, said["detail"]) == (400, NO_INSTANCES)
    assert set(account.simulator.pods()) == before


def test_every_error_is_a_problem_with_a_request_id(account):
    """401, 404 and 405 are problem+json and carry x-request-id."""
    for path in ("/v2/pods", "/v2/nothing"):
        _, text, headers = raw(account, path, **{"User-Agent": "t"})
        assert headers["content-type"] == "application/problem+json"
        assert headers["x-request-id"]
        assert b'"title"' in text
    assert account.call("PUT", "/v2/pods")[0] == 405


def test_pythons_default_client_is_turned_away(account):
    """Python-urllib gets 403 with error code 1010, key or not."""
    status, text, _ = raw(account, "/v2/pods", Authorization=f"Bearer {account.simulator.key}")
    assert (status, text) == (403, b"error code: 1010")


def test_a_list_is_newest_first_in_pages(account, pod):
    """Pages follow each other by cursor until there is no next one."""
    more = [account.create() for _ in range(2)]
    seen, cursor = [], ""
    while cursor is not None:
        status, page = account.call("GET", "/v2/pods?limit=1" + (f"&cursor={cursor}" if cursor else ""))
        assert (status, len(page["pods"])) == (200, 1)
        seen += [found["id"] for found in page["pods"]]
        cursor = page["pagination"]["nextCursor"]
        assert page["pagination"]["hasNextPage"] == (cursor is not None)
    assert seen[:2] == more[::-1]
    assert pod in seen
    for made in more:
        account.act(made, "terminate")


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "cursor=%21", "cursor=cG9kOm5vbmU%3D"])
def test_a_bad_page_is_422(account, query):
    """Limits out of range and cursors that are not ours are 422."""
    assert account.call("GET", f"/v2/pods?{query}")[0] == 422


def test_an_action_that_does_not_fit_is_409(account, pod):
    """Starting a running pod is 409; an unknown action is 422; an unknown pod is 404."""
    assert account.act(pod, "start") == 409
    assert account.act(pod, "reset") == 422
    assert account.act("nothing", "stop") == 404


def test_a_locked_pod_cannot_be_stopped(account):
    """Until it is unlocked."""
    pod = account.running()
    account.call("PATCH", f"/v2/pods/{pod}", {"locked": True})
    assert account.act(pod, "stop") == 409
    account.call("PATCH", f"/v2/pods/{pod}", {"locked": False})
    assert account.act(pod, "stop") == 200
    account.act(pod, "terminate")


def test_a_member_of_a_cluster_is_ended_with_it_only(account):
    """Its record names the cluster; actions, PATCH and DELETE are 409, also with the account's key."""
    pod = account.running()
    account.call("POST", f"/sim/pods/{pod}/faults", {"cluster": "cluster_1"})
    assert account.call("GET", f"/v2/pods/{pod}")[1]["cluster"] == {"id": "cluster_1", "rank": 0}
    assert account.act(pod, "stop") == 409
    assert account.call("PATCH", f"/v2/pods/{pod}", {"name": "b"})[0] == 409
    assert account.call("DELETE", f"/v2/pods/{pod}")[0] == 409
    account.call("POST", f"/sim/pods/{pod}/faults", {"cluster": ""})
    assert account.act(pod, "terminate") == 204


def test_a_pods_key_serves_its_own_pod(account, pod):
    """Its own GET is 200; the list, a PATCH, a create and another pod are 403."""
    key, other = account.key_of(pod), account.create()
    assert account.call("GET", f"/v2/pods/{pod}", key=key)[0] == 200
    for method, path in (
        ("GET", "/v2/pods"),
        ("PATCH", f"/v2/pods/{pod}"),
        ("POST", "/v2/pods"),
        ("GET", f"/v2/pods/{other}"),
        ("DELETE", f"/v2/pods/{other}"),
        ("GET", f"/sim/pods/{pod}/console"),
    ):
        assert account.call(method, path, {} if method != "GET" else None, key=key)[0] == 403, path
    account.act(other, "terminate")


def test_a_pod_may_stop_and_end_itself(account):
    """With its own key: action stop is 200, DELETE is 204, then the key is no key any more."""
    pod = account.running()
    key = account.key_of(pod)
    assert account.act(pod, "stop", key) == 200
    account.until_down(pod)
    assert account.call("DELETE", f"/v2/pods/{pod}", key=key)[0] == 204
    wait_for(
        "the key is void", lambda: account.call("GET", f"/v2/pods/{pod}", key=key)[0] == 401, every_s=0.01
    )


def test_a_patch_of_a_stopped_pod_is_what_it_starts_with(account):
    """The environment written while EXITED is the next container's."""
    pod = account.running("bash", "-c", "echo word=$WORD; sleep 600")
    account.act(pod, "stop")
    account.until_down(pod)
    status, said = account.call("PATCH", f"/v2/pods/{pod}", {"env": {"WORD": "new"}})
    assert (status, said["env"], said["status"]) == (200, {"WORD": "new"}, "EXITED")
    account.act(pod, "start")
    account.says(pod, "word=new")
    account.act(pod, "terminate")


def test_a_patch_of_a_running_pod_resets_it(account):
    """A new environment wipes and restarts the container; a new name does not."""
    pod = account.running(
        "bash", "-c", "echo word=$WORD old=$(cat /podkeep/x); touch /podkeep/x; sleep 600", mounts=MOUNT
    )
    account.says(pod, "word= old=")
    account.call("PATCH", f"/v2/pods/{pod}", {"name": "renamed"})
    account.call("PATCH", f"/v2/pods/{pod}", {"env": {"WORD": "new"}})
    assert account.says(pod, "word=new").count("entry: start") == 2
    assert account.get(pod)["status"] == "RUNNING"
    account.act(pod, "terminate")


def test_the_catalogue_answers_as_asked(account):
    """Availability needs a product; an unknown GPU type is 404."""
    assert account.call("GET", "/v2/catalog/gpus")[1]["gpus"][0].keys() >= {"id", "price", "maxCount"}
    assert account.call("GET", "/v2/catalog/gpus?include=AVAILABILITY")[0] == 400
    status, gpu = account.call("GET", "/v2/catalog/gpus/NVIDIA%20L4?include=AVAILABILITY&product=POD")
    assert (status, gpu["availability"]) == (200, "LOW")
    assert account.call("GET", "/v2/catalog/gpus/none")[0] == 404


def test_a_body_of_megabytes_is_413(account):
    """No honest request is that long."""
    request = urllib.request.Request(account.simulator.url + "/v2/pods", data=b" " * (2 << 20), method="POST")
    request.add_header("Authorization", f"Bearer {account.simulator.key}")
    request.add_header("User-Agent", "t")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=PATIENCE_S)
    with caught.value:
        assert caught.value.code == 413
