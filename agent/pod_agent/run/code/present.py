"""Whether a commit lies in a tree already: the restart's question, answered by two small reads.

Apart from the checkout, whose imports a restart has no time for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def lies_there(tree: Path, commit: str) -> bool:
    """Whether the commit was checked out wholly, with all that belongs to it."""
    try:
        done = (tree / ".git" / "podkeep" / "commit").read_text(encoding="ascii").strip()
        head = (tree / ".git" / "HEAD").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return False
    return done == head == commit
