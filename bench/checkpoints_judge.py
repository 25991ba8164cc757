"""How long one look takes that finds and judges a hundred checkpoints of 10 GB each, warm cache, for every format.

``python bench/checkpoints_judge.py [CHECKPOINTS] [FORMAT]``. At their real length, in the layout of a 7B model: true
headers and ends, holes for weights. ``first`` reads all of them, by an agent that has seen nothing yet; ``again`` is
every further look of the watch, and ``restored`` the look before an attempt, at what the watch has seen.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from measured import RUNS, median, say

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pod_agent.outputs.checkpoints.find import find
from pod_agent.outputs.checkpoints.formats import dcp
from pod_agent.outputs.checkpoints.judge import judge
from pod_agent.outputs.checkpoints.records import Records
from tests.agent.checkpoint_sparse import SPARSE


def look(folder: Path, records: Records, *, writer_alive: bool = False) -> tuple[float, int]:
    """Seconds of one look, and how many are whole."""
    began = time.monotonic()
    found = find(folder, None, 0.0)
    told = [(one, judge(one, records, writer_alive=writer_alive, is_copy=True)) for one in found]
    seconds = time.monotonic() - began
    whole = [(one, judged) for one, judged in told if judged.whole]
    for one, judged in whole:
        records.add(one, judged.step, time.time())
    return seconds, len(whole)


def measure(form: str, count: int) -> None:
    spent: dict[str, list[float]] = {"first_s": [], "again_s": [], "restored_s": []}
    with tempfile.TemporaryDirectory() as name:
        folder, state = Path(name) / "out", Path(name) / "state"
        state.mkdir()
        for number in range(1, count + 1):
            SPARSE[form](folder, number * 100)
        look(folder, Records.load(state))  # warms the cache
        for _ in range(RUNS):
            records = Records.load(state)
            dcp.LAYOUTS.forget()
            for what, seconds in spent.items():
                took, whole = look(folder, records, writer_alive=what == "again_s")
                if whole != count:
                    raise SystemExit(f"{form}: only {whole} of {count} were judged whole")
                seconds.append(took)
    figures = {what: round(median(seconds), 4) for what, seconds in spent.items()}
    runs = [round(one, 4) for one in spent["first_s"]]
    say("checkpoints_judge", "podkeep", form=form, **figures, checkpoints=count, runs=runs)


def main(count: int = 100, form: str = "") -> None:
    for one in [form] if form else SPARSE:
        measure(one, count)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:3])
