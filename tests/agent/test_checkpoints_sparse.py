"""Checkpoints at their real length: judged by their heads and ends alone."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pod_agent.outputs.checkpoints.find import find
from pod_agent.outputs.checkpoints.judge import judge
from pod_agent.outputs.checkpoints.records import Records
from tests.agent.checkpoint_sparse import SPARSE, WHOLE
from tests.tables import mostly_slow

OTHER = "any other folder"  # has to be seen whole before
NOTHING = Records(Path("/none"))


def only(folder):
    (found,) = find(folder, None, 0.0)
    return found, judge(found, NOTHING, writer_alive=False, is_copy=found.format.name == OTHER)


@pytest.mark.parametrize(
    "form",
    mostly_slow(
        SPARSE,
        "Hugging Face Trainer",
        "Accelerate",
        "DeepSpeed",
        "any other folder",
        "torch.save",
        "safetensors",
    ),
)
def test_ten_gigabytes_are_judged_by_their_ends(tmp_path, form):
    """Whole as they are, and not whole with one byte less of whichever file."""
    SPARSE[form](tmp_path, 300)
    found, judged = only(tmp_path)
    assert (judged.whole, judged.step) == (True, 300), judged.why
    assert found.size_bytes > WHOLE * 0.9
    for part in found.parts:
        path = found.path if found.is_file else found.path / part.name
        kept = path.read_bytes() if part.size < 1 << 20 else None
        os.truncate(path, part.size - 1)
        if form != "orbax (JAX)" or "/d/" not in part.name:  # whose data say no length
            assert not only(tmp_path)[1].whole, part.name
        if kept is not None:
            path.write_bytes(kept)
        else:
            SPARSE[form](tmp_path, 300) if found.is_file else os.truncate(path, part.size)
            break


@pytest.mark.parametrize("many", mostly_slow([10, 100], 10))
def test_many_of_them_are_judged_without_reading_them(tmp_path, many):
    """A terabyte (sparse) of Trainer's folders, and the tenth of it."""
    for number in range(many):
        SPARSE["Hugging Face Trainer"](tmp_path, number + 1)
    began = time.perf_counter()
    told = [judge(one, NOTHING, writer_alive=False) for one in find(tmp_path, None, 0.0)]
    took = time.perf_counter() - began
    assert [one.whole for one in told] == [True] * many
    assert took < 20, "reading a terabyte takes minutes; the budget of 0.1 s is measured in bench/"
