"""What the name of a flag says of it: whether a checkpoint is read from it. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pod_client.init.flags.flag import Takes

if TYPE_CHECKING:
    from pod_client.init.flags.flag import Flag

_CKPT = r"(?:ckpts?|checkpoints?|snapshots?)"
_WHERE = r"(?:path|file|filename|name|dir|folder|state)"
_STRONG = re.compile(
    rf"(?:auto_?)?(?:resume|resumes|restore|restart|continue)(?:_?(?:from|training|train|run|model|{_CKPT}|{_WHERE}))*"
    rf"|(?:load|start|continue|init)_?from_?{_CKPT}(?:_{_WHERE})?"
    rf"|load_?(?:from_?)?{_CKPT}(?:_{_WHERE})?|load_(?:training_)?state(?:_{_WHERE})?"
    r"|(?:resume_)?from_last|continue_from(?:_\w+)?"
)
_MEDIUM = re.compile(
    rf"{_CKPT}(?:_{_WHERE})?|load(?:_(?:model|dir|path|file|name))?|(?:start|init|trained|last|prev(?:ious)?|restore)"
    rf"_(?:{_CKPT}|model|state)(?:_{_WHERE})?|start_from|from(?:_{_WHERE})?|model_{_CKPT}"
)
_NO_PATH = re.compile(
    r"epochs?$|iters?$|steps?$|_id$|every|interval|freq|limit|_num$|num_|strict|wandb|optim|lr$|gradient|activation|only"
)


def is_strong(flag: Flag) -> bool:
    """The name alone says: go on from here."""
    return any(_STRONG.fullmatch(name) and not _NO_PATH.search(name) for name in _spellings(flag))


def is_medium(flag: Flag) -> bool:
    """The name fits, and also other uses: it counts where a checkpoint is seen being read from it."""
    return any(_MEDIUM.fullmatch(name) and not _NO_PATH.search(name) for name in _spellings(flag))


def resumes_by_number(flag: Flag) -> bool:
    """``--resume_epoch 12``: a number that nobody but the training knows the meaning of."""
    said = re.match(
        r"(?:resume|restore|start|continue|last)_?(?:from_?)?(?:epochs?|iters?|steps?)", _bare(flag)
    )
    return said is not None and flag.takes is Takes.NUMBER


def _spellings(flag: Flag) -> set[str]:
    """As the program reads it, and as the command line has it: ``--from`` may be called ``start`` inside."""
    spelt = flag.name.rpartition(".")[2].lower().replace("-", "_").strip("_")
    return {_bare(flag), spelt}


def _bare(flag: Flag) -> str:
    return flag.dest.lower().replace("-", "_").strip("_")
