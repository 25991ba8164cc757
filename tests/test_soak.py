"""What the soak makes of its looks: shares of a core, the verdict against the budgets, and the page."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from bench.soak_page import CPU_BUDGET, PSS_BUDGET, Look, judge, page, share

PARTS = ("entrypoint", "agent", "keeper", "children")


def looks(*agent_s, every=15.0, mb=10.0, rival=True):
    """The agent's CPU so far at each look; the keeper uses a hundredth of a second each time."""
    found = []
    for i, spent in enumerate(agent_s, 1):
        cpu = dict(zip(PARTS, (0.0, spent, 0.01 * i, 0.0), strict=True))
        other = {"cpu_s": 0.1 * i, "pss_mb": 25.0} if rival else {}
        found.append(Look(every * i, cpu, dict.fromkeys(PARTS, mb), other, 0.5))
    return found


def test_a_share_is_of_the_time_between_two_looks():
    """Of all parts, or of one."""
    first, second = looks(1.0, 1.3)
    assert share(first, second) == pytest.approx(100 * 0.31 / 15)
    assert share(first, second, "agent") == pytest.approx(2.0)
    assert share(Look(0.0, {}, {}), first) == pytest.approx(100 * 1.01 / 15)


def test_the_first_minute_is_told_apart():
    """Beginning costs a second of CPU once; what follows is what a training feels for days."""
    found = judge(looks(1.0, 1.02, 1.04, 1.06, *(1.06 + 0.03 * i for i in range(1, 37))))
    assert found.first == pytest.approx(100 * 1.1 / 60)
    assert found.parts["agent"] == pytest.approx(0.2)
    assert found.settled == pytest.approx(0.2 + 100 * 0.01 / 15)
    assert found.whole == pytest.approx(100 * (1.06 + 0.03 * 36 + 0.4) / 600)
    assert found.rival_percent == pytest.approx(100 * 0.1 / 15)
    assert found.rival_mb == 25.0
    assert found.is_met


@pytest.mark.parametrize(
    ("spent", "mb", "is_met"),
    [
        (0.9 * CPU_BUDGET, 19.9, True),
        (1.1 * CPU_BUDGET, 19.9, False),
        (0.9 * CPU_BUDGET, 20.1, False),
    ],
)
def test_both_budgets_must_be_kept(spent, mb, is_met):
    """Half a percent of a core with the start, and 80 MB at every single look."""
    made = looks(*(spent / 100 * 15 * i - 0.01 * i for i in range(1, 41)), mb=mb)
    assert PSS_BUDGET == 4 * 20.0
    assert judge(made).is_met is is_met
    one = replace(made[7], pss_mb=dict.fromkeys(PARTS, 21.0))
    assert not judge([*made[:7], one, *made[8:]]).is_met


def test_a_short_try_has_no_settled_time():
    """Its share is that of the whole, and nothing is divided by nothing."""
    found = judge(looks(0.5))
    assert found.settled == found.whole == found.first


def test_the_page_has_a_row_for_each_look_and_the_verdict():
    """And what was missed stands out; a machine without the rival says so by dashes."""
    text = page({"commit": "`abc`", "machine": "two cores"}, looks(*[5.0] * 8, rival=False))
    rows = [line for line in text.splitlines() if line.startswith("| 1")]
    assert len([line for line in text.splitlines() if " s |" in line]) == 8
    assert rows[0].startswith("| 15 s | 0.00 / 10.0 | 33.33 / 10.0 |")
    assert "- commit: `abc`" in text
    assert "**no**" in text
    assert "| - |" in text


def test_the_program_says_how_it_is_called():
    """It loads all that it needs, and has an option for a short try."""
    argv = [sys.executable, "bench/soak.py", "--help"]
    env = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
    said = subprocess.run(argv, capture_output=True, text=True, check=True, env=env, timeout=60)
    assert "--minutes" in said.stdout
