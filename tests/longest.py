"""The order of a run that is dealt out one by one: long tests begin early, so that none is left alone at the end.

Between them are short ones: the long ones import torch, the short ones mostly wait, and two cores are to do both.
Only an order: every test passes in any. Not here: how many workers there are (Makefile, .ci/run).
"""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
FIRST = (  # a quarter of a minute and more for most tests, the longest first; on a quiet machine with two cores
    "story/test_kills.py",
    "story/test_log_cuts.py",
    "story/test_hf_trainer.py",
    "story/test_projects.py",
    "story/test_put_back.py",
    "agent/test_hf_trainer.py",
    "agent/failures/test_torch.py",
    "agent/test_install_poetry.py",
    "story/test_simulator_dies.py",
    "client/test_against_simulator.py",
    "story/test_odd_output.py",
    "agent/test_git_kills.py",
    "agent/test_rewritten.py",
    "agent/test_git_fuzz.py",
    "agent/test_notebook.py",
    "agent/test_checkpoints_real.py",
    "story/test_second_boot.py",
    "story/test_tree.py",
    "story/test_fresh.py",
    "story/test_orders.py",
    "story/test_shared.py",
)
TOGETHER = (  # their tests share what is dear to make: an import of every framework, a training, an agent
    "agent/test_checkpoints_real.py",
    "agent/test_hf_trainer.py",
    "agent/test_install_poetry.py",
    "agent/test_packed_damage.py",
    "client/test_against_simulator.py",
    "story/test_border.py",
    "story/test_odd_output.py",
    "story/test_other_ends.py",
)
BETWEEN = 3
RANKS = {HERE / name: rank for rank, name in enumerate(FIRST)}
GROUPS = {HERE / name: name for name in TOGETHER}


def in_order(items: list[pytest.Item]) -> None:
    """A long one and a few others in turn, then the rest; what belongs together is marked as for one worker."""
    long = sorted((item for item in items if item.path in RANKS), key=lambda item: RANKS[item.path])
    others = [item for item in items if item.path not in RANKS]
    dealt: list[pytest.Item] = []
    for at, item in enumerate(long):
        dealt += [item, *others[at * BETWEEN : (at + 1) * BETWEEN]]
    items[:] = dealt + others[len(long) * BETWEEN :]
    for item in items:
        if item.path in GROUPS:
            item.add_marker(pytest.mark.xdist_group(GROUPS[item.path]))
