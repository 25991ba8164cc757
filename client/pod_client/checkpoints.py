"""The `checkpoints` command: what the pod says of its job's checkpoints, as a table by run. It only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_client.ending import ask
from pod_client.exits import DONE
from pod_client.receipt import seconds, size
from pod_wire.checkpoints import Kind
from pod_wire.codec import to_plain

if TYPE_CHECKING:
    from pod_client.wiring import Target, Wiring
    from pod_wire.checkpoints import CheckpointList, CheckpointSeen

HEAD = ("CHECKPOINT", "STEP", "SIZE", "AGE", "FORMAT", "STATE")
_WORDS = {
    Kind.OWN: "",
    Kind.KEPT: "a copy that podkeep keeps",
    Kind.OLDER: "of an older run",
    Kind.ASIDE: "set aside",
}


def show(wiring: Wiring, target: Target, *, as_json: bool) -> int:
    found = ask(wiring, target, lambda agent: agent.checkpoints(), "last checkpoint", "checkpoints")
    if as_json:
        wiring.screen.document(to_plain(found))
        return DONE
    if found.job is None:
        wiring.screen.note(f"pod {target.pod_id} has no job, and so no checkpoints")
        return DONE
    if found.checkpoints:
        wiring.screen.table(HEAD, [_cells(one, found) for one in found.checkpoints])
    if found.left_out:
        wiring.screen.note(f"{found.left_out} older ones are not shown")
    wiring.screen.step(verdict(found))
    return DONE


def verdict(found: CheckpointList) -> str:
    """What the next attempt begins with, in a sentence."""
    run = f"run {found.run} of job '{found.job}'"
    chosen = next((one for one in found.checkpoints if one.chosen), None)
    if chosen is None:
        none = "none of these is a whole one of it" if found.checkpoints else "it has no checkpoint yet"
        return f"{run} would begin at the first step: {none}"
    at = "" if chosen.step is None else f", step {chosen.step}"
    name = _short(chosen.belongs or chosen.path, found)
    if not found.resumes:
        return (
            f"{run} has no way to resume (no resume in its pod.toml): the newest whole one is {name}{at}, and the "
            "command is not told"
        )
    copied = ", from the copy that podkeep keeps" if chosen.belongs else ""
    return f"{run} would resume from {name}{at}{copied}"


def _cells(one: CheckpointSeen, found: CheckpointList) -> tuple[str, ...]:
    state = "whole" if one.whole else f"not whole: {one.why or 'no reason given'}"
    words = [
        state,
        *([_WORDS[one.kind]] if _WORDS[one.kind] else []),
        *(["<- resumes here"] if one.chosen else []),
        *(["<- or here, if the program knows this name only"] if one.instead else []),
    ]
    age = seconds(max(0.0, found.now - one.written_at))
    name = f"{_short(one.belongs, found)}" if one.belongs else _short(one.path, found)
    step = "-" if one.step is None else str(one.step)
    return (name, step, size(one.size_bytes), age, one.format, "; ".join(words))


def _short(path: str, found: CheckpointList) -> str:
    """Below the job's folder; with what it is made of shown as text, whatever a file's name holds."""
    name = path.removeprefix(f"{found.folder}/") if found.folder else path
    return "".join(letter if letter.isprintable() else "?" for letter in name)
