"""Commands of the image's packages (torchrun, accelerate, pip) that start the environment's Python instead.

The image's own scripts name the image's Python, which sees nothing of what the job installed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pod_agent.run.environment import distributions

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_SAFE = re.compile(r"[A-Za-z0-9][\w.-]*")
_PIP = ("pip", "pip3")
_ITS_OWN = ("conda", "mamba", "activate", "deactivate")  # manage the prefix they start from: the image's
_TEXT = """#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import sys
from {module} import {top}
if __name__ == "__main__":
    sys.exit({function}())
"""


def write(place: Path, sites: Iterable[str]) -> None:
    """Those that the environment does not have itself. A package's own script stays the first of its name."""
    bins = place / "bin"
    there = {path.name for path in bins.iterdir()}
    found = [*distributions.commands(sites), *((name, "pip._internal.cli.main", "main") for name in _PIP)]
    for name, module, function in found:
        if name not in there and _SAFE.fullmatch(name) and not name.startswith(_ITS_OWN):
            there.add(name)
            top = function.partition(".")[0]
            text = _TEXT.format(python=place / "bin" / "python", module=module, top=top, function=function)
            (bins / name).write_text(text, encoding="utf-8")
            (bins / name).chmod(0o755)
