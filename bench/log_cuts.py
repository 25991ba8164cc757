"""Soak: a log followed through 1,000 cuts and 20 dead agents. Bytes lost or repeated, as one JSON line.

The same ordeal as tests/story/test_log_cuts.py, only longer; not part of CI. `--cuts`, `--kills`, `--seed` change it.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from measured import say

from tests.conftest import machine_environment
from tests.live import Simulator
from tests.story.conftest import Laptop
from tests.story.cuts import Ordeal, follow_through, masked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=240.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    asked = parser.parse_args()
    ordeal = Ordeal(lines=1_000_000, seconds=asked.seconds, cuts=asked.cuts, kills=asked.kills)
    with tempfile.TemporaryDirectory() as folder:
        env = machine_environment(Path(folder) / "home")
        laptop = Laptop(env, Path(folder) / "repo")  # only its folder counts: the writer needs no repository
        with Simulator.running(Path(folder) / "sim", env) as simulator:
            outcome = follow_through(laptop, simulator, ordeal, random.Random(asked.seed))
    wanted = masked(outcome.log)
    lost = first_difference(outcome.printed, wanted)
    amid = sum(0 < offset < end for offset, end in outcome.reconnects)
    say(
        "log_cuts",
        "podkeep",
        seed=asked.seed,
        cuts=outcome.cuts,
        kills=outcome.kills,
        reconnects=len(outcome.reconnects),
        reconnects_amid=amid,
        bytes=len(wanted),
        other_from=lost,
        wrong_bytes=0 if lost is None else max(len(wanted), len(outcome.printed)) - lost,
        seconds=round(outcome.seconds),
    )
    sys.exit(0 if lost is None and amid == len(outcome.reconnects) and outcome.code == 0 else 1)


def first_difference(printed: bytes, wanted: bytes) -> int | None:
    """Where what was printed is no longer what the file holds, masked; None when they are equal."""
    if printed == wanted:
        return None
    pairs = enumerate(zip(printed, wanted, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(printed), len(wanted)))


if __name__ == "__main__":
    main()
