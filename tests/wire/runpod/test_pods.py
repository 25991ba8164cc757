"""The v2 pods API, against recorded answers."""

import json

import pytest

from pod_wire.errors import Broken, Conflict, NoCapacity, NotFound
from pod_wire.runpod.models import NewPod
from pod_wire.runpod.pods import PodsApi
from pod_wire.runpod.transport import StdlibTransport
from pod_wire.secrets import Secret


@pytest.fixture
def api(server, waited):
    return PodsApi(server.url + "/v2", Secret("k" * 20), StdlibTransport(), 5.0, waited)


def _pod(pod_id, **more):
    return {"id": pod_id, "name": f"name-{pod_id}", "status": "RUNNING", **more}


def _json(document):
    return json.dumps(document).encode()


def test_create_sends_the_body_once(api, server, recorded):
    """A create is one POST with the body, and gives the pod that RunPod made."""
    server.play(recorded(201, _json(_pod("a", status="PROVISIONING", runtime={}))))
    pod = api.create(NewPod("x", "image", gpu_id="g", env={"A": 'quote " and \u00e9'}))
    assert (pod.id, pod.status, pod.runtime_up) == ("a", "PROVISIONING", False)
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/v2/pods")
    assert json.loads(asked.body)["env"] == {"A": 'quote " and \u00e9'}


def test_a_create_of_unknown_fate_is_not_repeated(api, server, recorded):
    """After a 500 the pod may exist: the caller looks it up by name."""
    server.play(recorded(500, b'{"error": "Something went wrong"}'), recorded(201, _json(_pod("a"))))
    with pytest.raises(Broken):
        api.create(NewPod("x", "image"))
    assert len(server.asked) == 1


def test_no_machine_is_no_capacity(api, server, recorded):
    """RunPod's only sign of "no machine" is the text of a 400."""
    detail = "There are no longer any instances available with the requested specifications."
    server.play(
        recorded(
            400,
            _json({"title": "T", "status": 400, "detail": detail}),
            {"Content-Type": "application/problem+json"},
        )
    )
    with pytest.raises(NoCapacity):
        api.create(NewPod("x", "image"))


def test_a_refused_start_is_no_capacity(api, server, recorded):
    """A start may fail in another shape, as seen live."""
    server.play(
        recorded(400, b'{"error": "There are not enough free GPUs on the host machine to start this pod."}')
    )
    with pytest.raises(NoCapacity):
        api.act("a", "start")


def test_all_pages_are_read(api, server, recorded):
    """A short or even an empty page is not the last one while there is a cursor; a pod is named once."""
    server.play(
        recorded(
            200,
            _json(
                {"pods": [_pod("a"), _pod("b")], "pagination": {"nextCursor": "c/1=", "hasNextPage": True}}
            ),
        ),
        recorded(200, _json({"pods": [], "pagination": {"nextCursor": "c2", "hasNextPage": True}})),
        recorded(
            200,
            _json({"pods": [_pod("b"), _pod("c")], "pagination": {"nextCursor": None, "hasNextPage": False}}),
        ),
    )
    assert [pod.id for pod in api.list()] == ["a", "b", "c"]
    assert [asked.path for asked in server.asked] == [
        "/v2/pods",
        "/v2/pods?cursor=c%2F1%3D",
        "/v2/pods?cursor=c2",
    ]


def test_a_list_without_pages_is_whole(api, server, recorded):
    """The older specification has no pagination."""
    server.play(recorded(200, _json({"pods": [_pod("a")]})))
    assert [pod.id for pod in api.list()] == ["a"]


def test_a_last_page_with_a_cursor_is_the_last(api, server, recorded):
    """hasNextPage false is believed, whatever the cursor."""
    server.play(
        recorded(200, _json({"pods": [_pod("a")], "pagination": {"nextCursor": "x", "hasNextPage": False}}))
    )
    assert len(api.list()) == 1


def test_pages_in_a_circle_are_noticed(api, server, recorded):
    """A cursor that comes again would make the list endless."""
    server.play(recorded(200, _json({"pods": [], "pagination": {"nextCursor": "x", "hasNextPage": True}})))
    with pytest.raises(Broken, match="end"):
        api.list()
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b'{"pods": null}', b'{"pods": [3]}', b'{"pods": [{"id": "a"}]}']
)
def test_a_list_of_another_shape_is_broken(api, server, recorded, body):
    """An answer that holds no list of pods is never taken for "no pods"."""
    server.play(recorded(200, body))
    with pytest.raises(Broken):
        api.list()


def test_get_reads_one(api, server, recorded):
    """An id is put into the path as it is, whatever it holds."""
    server.play(recorded(200, _json(_pod("a", runtime=None))))
    assert api.get("a/../b?").id == "a"
    assert server.asked[0].path == "/v2/pods/a%2F..%2Fb%3F"


def test_a_missing_pod_is_not_found(api, server, recorded):
    """404 names the pod."""
    server.play(recorded(404, b'{"detail": "pod not found"}'))
    with pytest.raises(NotFound, match="cannot read pod 'a': pod not found"):
        api.get("a")


def test_patch_sends_the_changes(api, server, recorded):
    """Only what is changed is sent."""
    server.play(recorded(200, _json(_pod("a"))))
    api.patch("a", {"env": {"POD_ORDER": "1"}})
    assert (server.asked[0].method, json.loads(server.asked[0].body)) == (
        "PATCH",
        {"env": {"POD_ORDER": "1"}},
    )


def test_actions(api, server, recorded):
    """An action gives the pod as it is then; terminate gives nothing."""
    server.play(recorded(200, _json(_pod("a", status="EXITED"))))
    stopped = api.act("a", "stop")
    assert stopped is not None
    assert stopped.status == "EXITED"
    server.play(recorded(204))
    assert api.act("a", "terminate") is None
    assert [(asked.path, json.loads(asked.body)) for asked in server.asked] == [
        ("/v2/pods/a/action", {"action": "stop"}),
        ("/v2/pods/a/action", {"action": "terminate"}),
    ]


def test_stopping_a_stopped_pod_is_a_conflict(api, server, recorded):
    """The caller reads it as success."""
    server.play(recorded(409, b'{"detail": "not valid in this status"}'))
    with pytest.raises(Conflict):
        api.act("a", "stop")


def test_delete_has_no_body(api, server, recorded):
    """204 is the success of a delete."""
    server.play(recorded(204))
    api.delete("a")
    assert (server.asked[0].method, server.asked[0].path) == ("DELETE", "/v2/pods/a")


@pytest.mark.parametrize("base", ["/v2", "/v2/"])
def test_the_base_may_end_in_a_slash(server, waited, recorded, base):
    """Both spellings of the base URL mean the same."""
    server.play(recorded(200, _json(_pod("a"))))
    PodsApi(server.url + base, Secret("k" * 20), StdlibTransport(), 5.0, waited).get("a")
    assert server.asked[0].path == "/v2/pods/a"
