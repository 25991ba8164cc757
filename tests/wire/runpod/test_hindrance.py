"""What keeps RunPod from stopping a pod, by its record and by the words of a refusal."""

from __future__ import annotations

import pytest

from pod_wire.runpod import hindrance
from pod_wire.runpod.models import read_pod

POD = {"id": "p", "status": "RUNNING"}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, None),
        ({"locked": True}, "is locked"),
        ({"locked": "yes"}, None),
        ({"cluster": {"id": "c1", "rank": 0}}, "belongs to cluster c1"),
        ({"cluster": None}, None),
        ({"cluster": ["c1"]}, None),
        ({"locked": True, "status": "EXITED"}, None),
        ({"cluster": {"id": "c1"}, "status": "TERMINATED"}, None),
    ],
)
def test_a_record_tells_what_is_in_the_way(more, words):
    """A lock and a cluster are; odd values and pods that are off are not."""
    found = hindrance.of(read_pod({**POD, **more}))
    assert (found is None) if words is None else (found is not None and words in str(found))
    assert found is None or found.remedy


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("cannot stop pod 'p': pod is locked", "is locked"),
        ("Pod is a member of a Cluster", "belongs to a cluster"),
        ("cannot stop a pod that is EXITED", None),
        ("", None),
    ],
)
def test_a_refusal_tells_it_where_the_record_cannot_be_read(said, words):
    """Only by these words; anything else means that the pod is ended already."""
    found = hindrance.told(said)
    assert (found is None) if words is None else (found is not None and words in str(found))
