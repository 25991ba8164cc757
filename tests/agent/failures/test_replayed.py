"""What only machines with a GPU make programs say, replayed: class, retry, reason, and the class's remedy."""

from __future__ import annotations

import pytest

from pod_agent.run.failures.classify import classify
from pod_agent.run.failures.evidence import Evidence
from pod_agent.run.failures.failure import Kind
from pod_agent.run.failures.retry import RULES
from tests.agent.failures.replayed import Replayed, replayed


@pytest.mark.parametrize("one", replayed(), ids=lambda one: one.name)
def test_a_replayed_text_is_understood(one: Replayed):
    """Class, retry and reason are those of the text's first line."""
    code = int(one.end) if one.end.isdecimal() else None
    how = Evidence(
        code or 134, None if code else one.end, "exited" if code else "signalled", tail=one.text.encode()
    )
    found = classify(how)
    assert (str(found.kind), str(found.again)) == (one.kind, one.again), found
    assert one.reason in found.reason
    assert found.remedy == RULES[Kind(one.kind)].remedy
