"""The step that a checkpoint's own dictionary tells, under the names that trainers give it."""

from __future__ import annotations

import pytest

from pod_agent.outputs.checkpoints.pickles import step_in


@pytest.mark.parametrize(
    ("value", "step"),
    [
        ({"model": {}, "iter_num": 7}, 7),
        ({"MODEL_STATE": {}, "EPOCHS_RUN": 3}, 3),
        ({"state_dict": {}, "meta": {"epoch": 2, "iter": 40}}, 40),
        ({"step": 5, "meta": {"iter": 40}}, 5),
        ({"meta": {"meta": {"iter": 40}}}, None),
        ({"step": True, "epoch": 2.0}, 2),
        ({"epoch": 2.5, 3: 4}, None),
        ([1, 2], None),
    ],
)
def test_a_dictionary_tells_its_step(value, step):
    """A step before an epoch, in capitals or not, at the top before OpenMMLab's meta, which is looked into once."""
    assert step_in(value) == step
