"""Every known format of checkpoint, in the order in which they are asked. A new one is a file, and a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints.files import FILES
from pod_agent.outputs.checkpoints.formats.any_file import AnyFile
from pod_agent.outputs.checkpoints.formats.trainer import Trainer

if TYPE_CHECKING:
    from pod_agent.outputs.checkpoints.candidate import Entry, Format

FOLDERS: tuple[Format, ...] = (Trainer(),)
UNKNOWN: Format = AnyFile()
KNOWN: tuple[Format, ...] = (*FOLDERS, *FILES)
ENDINGS = tuple(sorted({ending for one in KNOWN for ending in one.endings}))


def claimed(entry: Entry) -> Format | None:
    """Whose a file or folder is, if anybody's."""
    asked = FOLDERS if entry.is_folder else FILES
    return next((one for one in asked if one.claims(entry)), None)
