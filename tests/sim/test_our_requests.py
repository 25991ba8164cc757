"""What our own clients of RunPod send, the strict simulator accepts; what it says, they understand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pod_agent.pod import price
from pod_agent.pod.price import Asked, Price
from pod_agent.run.pricing import UNNAMED, ways_of
from pod_agent.settings import Settings
from pod_wire.errors import BadInput, Conflict, NoCapacity, NotFound, Refused
from pod_wire.runpod.graphql import GraphqlApi, graphql_url
from pod_wire.runpod.models import Mount, NewPod, Pod
from pod_wire.runpod.pods import PodsApi
from pod_wire.runpod.transport import StdlibTransport
from pod_wire.secrets import Secret
from tests.live import wait_for
from tests.sim.conftest import GPU, Account

NEW = NewPod(
    name="ours",
    image="local",
    gpu_id=GPU,
    data_centers=("EU-RO-1",),
    mount=Mount("/workspace", size_gb=10),
    ports=("8787/http", "22/tcp"),
    env={"A": "b"},
    cmd=("sleep", "600"),
    min_cuda="12.8",
)


def pods_of(account: Account, key: str | None = None) -> PodsApi:
    return PodsApi(f"{account.simulator.url}/v2", Secret(key or account.simulator.key), StdlibTransport())


@pytest.fixture
def api(account: Account) -> PodsApi:
    return pods_of(account)


def test_a_pods_whole_life_through_our_client(api):
    """Create, list, get, stop, PATCH, start and delete are accepted and read back."""
    made = api.create(NEW)
    assert (made.name, made.gpu_id, made.gpu_count, made.runtime_up) == ("ours", GPU, 1, False)
    assert made.id in {pod.id for pod in api.list()}
    wait_for("it runs", lambda: api.get(made.id).runtime_up, every_s=0.01)
    assert api.act(made.id, "stop").status == "EXITED"
    wait_for("it is down", lambda: not api.get(made.id).runtime_up, every_s=0.01)
    assert api.patch(made.id, {"env": {"C": "d"}}).env == {"C": "d"}
    assert isinstance(api.act(made.id, "start"), Pod)
    api.delete(made.id)
    with pytest.raises(NotFound):
        api.get(made.id)


def test_refusals_come_as_our_errors(api, account):
    """422, capacity, 409, 404 and a foreign key are told apart."""
    made = api.create(NEW)
    with pytest.raises(BadInput):
        api.patch(made.id, {"bogus": 1})
    with pytest.raises(NoCapacity):
        api.create(NewPod(name="none", image="local", gpu_id="NVIDIA B200"))
    with pytest.raises(Conflict):
        api.act(made.id, "start")
    with pytest.raises(Refused):
        pods_of(account, "nobody").list()
    with pytest.raises(NotFound):
        api.delete("nothing")
    api.delete(made.id)


def test_a_pod_finds_its_price_where_it_may_not_read_itself(api, account):
    """Its own record by v2, then by GraphQL, then the list without a key; the dearer cloud, for all GPUs."""
    made = api.create(replace(NEW, gpu_count=2))
    wait_for("it runs", lambda: api.get(made.id).runtime_up, every_s=0.01)
    settings = Settings(
        pod_id=made.id,
        api_key=Secret(account.key_of(made.id)),
        runpod_url=f"{account.simulator.url}/v2",
        gpu_count=2,
        job_environment={"RUNPOD_GPU_NAME": NEW.gpu_id},
    )
    own, second, listed = ways_of(settings)
    assert price.ask([own]).price == Price(0.86, price.OF_POD)
    assert price.ask([second]).price == Price(0.86, price.OF_POD)
    account.sim(made.id, "faults", refuse_read=True)
    assert price.ask([own]).is_final
    assert price.ask([listed]).price == Price(0.86, f"RunPod's list, for 2 x {NEW.gpu_id}")
    assert price.ask(ways_of(replace(settings, job_environment={}), lambda _: ())[-1:]) == Asked(
        None, UNNAMED, is_final=True
    )
    nowhere = replace(settings, runpod_url="http://127.0.0.1:9/v2")
    assert not price.ask(ways_of(nowhere)).is_final, "nobody has answered"


def test_the_second_way_to_stop_through_our_client(api, account):
    """With the pod's own key, GraphQL tells the price and stops the pod."""
    made = api.create(NEW)
    wait_for("it runs", lambda: api.get(made.id).runtime_up, every_s=0.01)
    own = GraphqlApi(
        graphql_url(f"{account.simulator.url}/v2"), Secret(account.key_of(made.id)), StdlibTransport()
    )
    assert own.pod_cost(made.id) == 0.43
    own.stop(made.id)
    assert api.get(made.id).status == "EXITED"
    GraphqlApi(
        graphql_url(f"{account.simulator.url}/v2"), Secret(account.simulator.key), StdlibTransport()
    ).terminate(made.id)
    with pytest.raises(NotFound):
        api.get(made.id)
