"""A kept copy goes back to its place: what lies there meanwhile, and on disks that keep fewer digits of a time."""

from __future__ import annotations

import os

from tests.agent.checkpoint_files import torch_zip
from tests.agent.test_resume import Place


def test_a_disk_that_rounds_times_gathers_nothing_aside(tmp_path):
    """The original looks older than its copy at each restart: it is the same, and no copy of it is set aside."""
    place = Place(tmp_path)
    at = place.save("ckpt.pt", torch_zip({"iter_num": 250}))
    place.see()
    for _ in range(3):
        whole = at.stat().st_mtime_ns // 10**9 * 10**9
        os.utime(at, ns=(whole, whole))
        restored = place.restore(resume="")
        assert (restored.path, restored.step, restored.warnings) == (at, 250, ())
    assert not list(place.state.rglob("aside"))
