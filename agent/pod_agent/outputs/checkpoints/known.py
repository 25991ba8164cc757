"""Every known format of checkpoint, in the order in which they are asked. A new one is a file, and a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints.files import FILES
from pod_agent.outputs.checkpoints.formats.accelerate import Accelerate
from pod_agent.outputs.checkpoints.formats.any_file import AnyFile
from pod_agent.outputs.checkpoints.formats.dcp import Dcp
from pod_agent.outputs.checkpoints.formats.deepspeed import DeepSpeed
from pod_agent.outputs.checkpoints.formats.folder import Folder
from pod_agent.outputs.checkpoints.formats.lightning import LightningFolder
from pod_agent.outputs.checkpoints.formats.orbax import Orbax
from pod_agent.outputs.checkpoints.formats.pipeline import Pipeline
from pod_agent.outputs.checkpoints.formats.trainer import Trainer

if TYPE_CHECKING:
    from pod_agent.outputs.checkpoints.candidate import Entry, Format

FOLDERS: tuple[Format, ...] = (
    LightningFolder(), Orbax(), Accelerate(), Dcp(), DeepSpeed(), Pipeline(), Trainer(), Folder(),
)  # fmt: skip
UNKNOWN: Format = AnyFile()
KNOWN: tuple[Format, ...] = (*FOLDERS, *FILES)
ENDINGS = tuple(sorted({ending for one in KNOWN for ending in one.endings}))


def claimed(entry: Entry) -> Format | None:
    """Whose a file or folder is, if anybody's."""
    asked = FOLDERS if entry.is_folder else FILES
    return next((one for one in asked if one.claims(entry)), None)
