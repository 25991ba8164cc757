"""JSON that was cut: it may end with a bracket, as if it were whole."""

from __future__ import annotations

import json

import pytest

from pod_agent.outputs.checkpoints.find import find
from pod_agent.outputs.checkpoints.judge import judge
from pod_agent.outputs.checkpoints.reading import is_closed
from pod_agent.outputs.checkpoints.records import Records
from tests.agent.checkpoint_files import trainer

HISTORY = [{"loss": 0.5, "step": step} for step in range(1, 400)]


def cuts(data: bytes):
    """After every bracket but the last: where a cut document looks like a whole one."""
    return [at + 1 for at, sign in enumerate(data[:-1]) if sign in b"}]"]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "value", [{"a": [{"b": "c"}], "d": {}}, [[1], {"x": [2]}], {"a{": "}", "b": {"]": 1}}]
)
def test_a_document_is_closed_by_its_last_bracket_only(value, indent):
    """Whole it is closed, with blanks around it too; cut at any byte it is not."""
    data = json.dumps(value, indent=indent).encode()
    assert is_closed(data)
    assert is_closed(b"\n" + data + b"\n")
    assert [at for at in range(len(data)) if is_closed(data[:at])] == []


def test_brackets_in_texts_are_no_brackets():
    """What counting cannot tell is parsed."""
    assert is_closed(b'{"a": "}"}')
    assert is_closed(b'{"a": "{"}')
    assert not is_closed(b'{"a": "{", "b": {}')


def test_a_long_state_of_the_trainer_that_was_cut_is_noticed(tmp_path):
    """Its history is full of brackets that a cut may end with."""
    folder = trainer(tmp_path / "checkpoint-20", 20)
    state = folder / "trainer_state.json"
    data = json.dumps({"global_step": 20, "log_history": HISTORY}, indent=2, sort_keys=True).encode()
    state.write_bytes(data)
    records = Records.load(tmp_path)
    (found,) = find(tmp_path, None, 0.0)
    assert judge(found, records, writer_alive=False).whole
    for at in cuts(data)[::40]:
        state.write_bytes(data[:at])
        (found,) = find(tmp_path, None, 0.0)
        judged = judge(found, records, writer_alive=False)
        assert not judged.whole
        assert judged.why == "trainer_state.json is not valid"
