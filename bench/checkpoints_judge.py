"""How long one look takes that finds and judges a hundred checkpoints of 10 GB each, warm cache.

``python bench/checkpoints_judge.py [CHECKPOINTS]``. Trainer's folders at their real length, two shards, an optimizer:
true headers and ends, holes instead of weights. ``first`` reads all of them; ``again`` is every further look.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from measured import RUNS, median, say

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pod_agent.outputs.checkpoints.find import find
from pod_agent.outputs.checkpoints.judge import judge
from pod_agent.outputs.checkpoints.records import Records
from tests.agent.checkpoint_files import sparse_trainer


def look(folder: Path, records: Records) -> tuple[float, int]:
    """Seconds of one look, and how many are whole."""
    began = time.monotonic()
    found = find(folder, None, 0.0)
    whole = [(one, judged) for one in found if (judged := judge(one, records, writer_alive=False)).whole]
    seconds = time.monotonic() - began
    for one, judged in whole:
        records.add(one, judged.step, time.time())
    return seconds, len(whole)


def main(count: int = 100) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, state = Path(name) / "out", Path(name) / "state"
        state.mkdir()
        for number in range(1, count + 1):
            sparse_trainer(folder / f"checkpoint-{number * 100}", number * 100)
        look(folder, Records.load(state))  # warms the cache
        first, again = [], []
        for _ in range(RUNS):
            records = Records.load(state)
            for spent in (first, again):
                seconds, whole = look(folder, records)
                if whole != count:
                    raise SystemExit(f"only {whole} of {count} were judged whole")
                spent.append(seconds)
    say(
        "checkpoints_judge",
        "podkeep",
        first_s=round(median(first), 4),
        again_s=round(median(again), 4),
        checkpoints=count,
        runs=[round(one, 4) for one in first],
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
