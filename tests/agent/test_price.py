"""What the pod costs an hour: who is asked in which order, how long, and what an answer means."""

from __future__ import annotations

import pytest

from pod_agent.pod import price
from pod_agent.pod.price import Asked, Price
from pod_agent.run.pricing import LIMIT_S, NO_POD, UNNAMED, PriceSearch, ways_of
from pod_agent.settings import Settings
from pod_wire.errors import Broken, NotFound, Refused, Unreachable
from pod_wire.runpod.graphql import GpuPrice
from pod_wire.secrets import Secret
from tests.fakes.clock import FakeClock


def says(answer):
    def look():
        if isinstance(answer, Exception):
            raise answer
        return answer

    return look


REFUSED, SILENT, BROKEN = Refused("refused (403)"), Unreachable("no answer"), Broken("HTTP 500")
TABLE = [
    ([0.5, 9.0], Asked(Price(0.5, "way 0"))),
    ([None, 0.7], Asked(Price(0.7, "way 1"))),
    ([0.0, 0.7], Asked(Price(0.7, "way 1"))),  # a pod that is just being started costs "0"
    ([float("nan"), float("inf"), -1.0, 0.7], Asked(Price(0.7, "way 3"))),
    ([REFUSED, 0.7], Asked(Price(0.7, "way 1"))),
    ([SILENT, 0.7], Asked(Price(0.7, "way 1"))),
    (
        [REFUSED, NotFound("no such pod"), None],
        Asked(None, "refused (403); no such pod; way 2: no price", is_final=True),
    ),
    ([REFUSED, SILENT], Asked(None, "refused (403); no answer", is_final=False)),
    ([BROKEN, REFUSED], Asked(None, "HTTP 500; refused (403)", is_final=False)),
    ([], Asked(None, "", is_final=True)),
]


@pytest.mark.parametrize(("answers", "found"), TABLE)
def test_the_first_that_knows_is_believed(answers, found):
    """A refusal is an answer, silence is none; a price that is none is passed over."""
    assert price.ask([(f"way {n}", says(answer)) for n, answer in enumerate(answers)]) == found


L4 = GpuPrice("NVIDIA L4", "L4", 0.43, 0.39)
ONLY = GpuPrice("NVIDIA GeForce RTX 4090", "RTX 4090", None, 0.34)
GONE = GpuPrice("NVIDIA B200", "B200", None, None)


@pytest.mark.parametrize(
    ("names", "count", "cost"),
    [
        (["NVIDIA L4"], 1, 0.43),  # the dearer cloud, as nobody says which it is
        (["nvidia l4"], 2, 0.86),
        (["L4"], 1, 0.43),
        (["NVIDIA GeForce RTX 4090"], 1, 0.34),
        (["GPU of tomorrow", "NVIDIA L4"], 1, 0.43),
        (["NVIDIA L40"], 1, None),
        (["NVIDIA B200"], 1, None),
        ([], 1, None),
        (["NVIDIA"], 1, None),
        (["NVIDIA L4"], 0, 0.43),
    ],
)
def test_a_gpu_is_found_by_its_name(names, count, cost):
    """As RunPod or the driver writes it, whole; for all of the pod's GPUs."""
    found = price.listed([L4, ONLY, GONE], names, count)
    assert found == (None if cost is None else pytest.approx(cost))


def test_the_driver_s_own_files_name_the_gpus(tmp_path):
    """One line in a file for each; a file of another shape names none."""
    for place, text in (("0000:01:00.0", "Model: \t\t NVIDIA L4\nIRQ: 5\n"), ("0000:02:00.0", "\xff odd")):
        folder = tmp_path / price.DRIVER / place
        folder.mkdir(parents=True)
        (folder / "information").write_bytes(text.encode("latin-1"))
    assert price.driver_names(tmp_path) == ("NVIDIA L4",)
    assert price.driver_names(tmp_path / "nowhere") == ()


def searched(*rounds, clock=None):
    """A search that gets these answers, one in each round, the last one for ever."""
    left = list(rounds)
    clock = clock or FakeClock()

    def ways():
        answer = left.pop(0) if len(left) > 1 else left[0]
        return (("RunPod", says(answer)),)

    search = PriceSearch(Settings(), clock, ways)
    search.run()
    return search.latest, clock


def test_a_network_that_is_slow_for_a_while_is_waited_for():
    """Asked again with longer and longer pauses until there is an answer."""
    found, clock = searched(SILENT, SILENT, BROKEN, 0.5)
    assert (found.price, clock.sleeps) == (Price(0.5, "RunPod"), [1.0, 2.0, 4.0])


def test_nobody_is_asked_for_ever():
    """Ten minutes of silence are an answer too; what was heard last is the reason."""
    found, clock = searched(SILENT)
    assert found == Asked(None, "no answer", is_final=True)
    assert LIMIT_S - 40 <= sum(clock.sleeps) <= LIMIT_S


def test_a_clear_no_is_believed_at_once():
    """Nothing is gained by asking again."""
    found, clock = searched(REFUSED)
    assert (found.is_final, clock.sleeps) == (True, [])


def test_a_defect_of_ours_is_no_price():
    """It is asked again, and in the end unknown."""
    found, _ = searched(ValueError("odd"))
    assert "a defect of podkeep" in found.reason
    assert found.is_final


def test_who_is_asked(tmp_path):
    """Outside RunPod nobody; without a key only the list; without a name of a GPU not even that."""
    nowhere = Settings(machine=tmp_path)
    assert price.ask(ways_of(nowhere)) == Asked(None, NO_POD, is_final=True)
    keyless = Settings(pod_id="p", machine=tmp_path)
    assert price.ask(ways_of(keyless, lambda _: ())) == Asked(None, UNNAMED, is_final=True)
    (seen,) = ways_of(keyless, lambda _: ("NVIDIA H200",))
    assert seen[0] == "RunPod's list, for 1 x NVIDIA H200"
    whole = Settings(
        pod_id="p",
        api_key=Secret("k" * 20),
        machine=tmp_path,
        job_environment={"RUNPOD_GPU_NAME": "NVIDIA L4"},
    )
    assert [who for who, _ in ways_of(whole)] == [
        price.OF_POD,
        price.OF_POD,
        "RunPod's list, for 1 x NVIDIA L4",
    ]
