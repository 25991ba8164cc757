"""Libraries that keep a folder of checkpoints and find the newest themselves: Keras, TensorFlow, orbax, flax."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_client.init.resume.from_origins import put_back
from pod_client.init.source import called, keyword

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator

    from pod_client.init.program import Program
    from pod_client.init.resume.way import Gap, Way

# The end of a called name, what it does, how sure that is a way to resume.
_KNOWN = {
    "BackupAndRestore": ("Keras' BackupAndRestore takes its own backup at the next start", 88),
    "latest_checkpoint": ("latest_checkpoint finds the newest one of the program's own folder", 78),
    "restore_or_initialize": ("restore_or_initialize takes the newest one of the program's own folder", 86),
    "latest_step": ("the checkpoint manager finds its newest step itself", 80),
    "resume_or_load": ("resume_or_load takes the newest one of its output folder", 80),
    "MonitoredTrainingSession": ("MonitoredTrainingSession restores from its checkpoint_dir", 80),
}
_FLAX = {"restore_checkpoint", "checkpoints.restore_checkpoint"}


def recognise(program: Program) -> Iterator[Way | Gap]:
    for source in program.sources:
        for call in source.calls:
            name = called(call)
            known = _KNOWN.get(name.rpartition(".")[2])
            if known is not None and not _is_switched_off(call):
                yield put_back(known[0], source, call, known[1])
            elif name in _FLAX and source.uses("flax"):
                yield put_back("restore_checkpoint takes the newest one of its folder", source, call, 78)


def _is_switched_off(call: ast.Call) -> bool:
    told = keyword(call, "resume")
    return told is not None and getattr(told, "value", None) is False
