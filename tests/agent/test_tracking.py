"""One curve per run in W&B, over all its attempts, and the user's own settings above ours."""

from __future__ import annotations

import re

from pod_agent.run.tracking import variables


def test_each_run_has_one_id():
    """All attempts of a run share the id, a fresh run has another, and W&B takes its letters."""
    one = variables("0a1b2c3d", {"PATH": "/bin"})
    assert one == variables("0a1b2c3d", {})
    assert one == {"WANDB_RUN_ID": "0a1b2c3d", "WANDB_RESUME": "allow"}
    assert variables("ffffffff", {})["WANDB_RUN_ID"] != one["WANDB_RUN_ID"]
    assert re.fullmatch(r"[a-z0-9]{1,64}", one["WANDB_RUN_ID"])


def test_who_says_how_to_resume_is_left_alone():
    """WANDB_RESUME of the user's, also empty, and nothing of ours is set: `never` gives each attempt a run."""
    for said in ("never", "must", "auto", ""):
        assert variables("0a1b2c3d", {"WANDB_RESUME": said}) == {}


def test_an_id_of_the_users_own_stands():
    """The user's id stays, and a second attempt goes on in it where W&B would have begun it anew."""
    assert variables("0a1b2c3d", {"WANDB_RUN_ID": "mine"}) == {"WANDB_RESUME": "allow"}
