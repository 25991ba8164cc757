"""Code that pod-client sends: waits until the tree is here, then unpacks it over what lay there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pod_agent.outputs.came import Manifest, lies_there
from pod_agent.run.code.archive import put
from pod_agent.run.code.trees import Trees
from pod_agent.run.work import StepFailed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pod_agent.run.work import Work
    from pod_wire.source import Source

LOOK_S = 0.25
SILENCE_S = 1800.0
WAITING = "waiting for the code that pod-client sends"
REMEDY = "send it by running pod-client up --tree again, in the same folder; or name a git repository"


def bring(
    source: Source,
    tree: Path,
    env: Mapping[str, str],
    work: Work,
    silence_s: float = SILENCE_S,
) -> tuple[str, tuple[str, ...]]:
    """Have the tree's files in ``tree``; what names their state, and warnings."""
    if lies_there(tree, source.text):
        work.say(f"podkeep: the code has not changed: {source.text[:17]}")
        return source.text, ()
    sent = source.digest or ""
    trees = Trees(tree.parent)
    if not trees.have(sent).whole:
        try:
            _wait(trees, sent, work, silence_s)
        finally:
            work.doing(None)
    path = trees.path(sent)
    shown = f"the tree {sent[:12]} that pod-client sent"
    return source.text, put(path, tree, Manifest(source.text), env, work, shown=shown, strips=False)


def _wait(trees: Trees, sent: str, work: Work, silence_s: float) -> None:
    """Until it is whole. Only bytes that come count as a sign of life."""
    work.say(f"podkeep: waiting for the code: pod-client sends the tree {sent[:12]}")
    work.doing(WAITING)
    last, since = trees.have(sent), time.monotonic()
    said = last.size
    while not last.whole:
        work.pause(LOOK_S)
        now = trees.have(sent)
        if now != last:
            since = time.monotonic()
        elif time.monotonic() - since > silence_s:
            raise StepFailed(
                f"cannot begin: the code did not come, nothing was sent for {silence_s / 60:.0f} minutes",
                REMEDY,
            )
        if now.size - said >= 64 << 20:
            said = now.size
            work.doing(f"{WAITING}: {now.size / 1e6:.0f} MB are here")
            work.say(f"podkeep: {now.size / 1e6:.0f} MB of the tree are here")
        last = now
