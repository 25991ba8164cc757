"""Words that are told of a stalled job, without what must not be shown: known secrets, logins, values of such names.

Before anything is cut, since what is left of a secret is no longer recognised. Not here: the log's own masking.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pod_wire.masker import Masker

STARS: Final = "********"
_NAME: Final = r"[\w.-]*(?:token|key|password|passwd|secret)"
_FLAG: Final = re.compile(rf"--?{_NAME}", re.IGNORECASE)
_VALUE: Final = r"""'[^']*'|"[^"]*"|[^\s'"]+"""
_TOLD: Final = re.compile(rf"((?<![\w.-])(?:{_NAME}=|--?{_NAME}\s+(?!-)))(?:{_VALUE})", re.IGNORECASE)
_LOGIN: Final = re.compile(r"""(\b[a-z][a-z0-9+.-]*://)[^\s/'"]+@""", re.IGNORECASE)


def line(data: bytes, masker: Masker) -> str:
    """Any words."""
    return _stars(masker.mask(data).decode("utf-8", "replace"))


def command(data: bytes, masker: Masker) -> str:
    """A command line as the kernel keeps it: its words end in NUL. A value is one word, whatever it is made of."""
    words: list[str] = []
    for word in masker.mask(data).decode("utf-8", "replace").split("\0"):
        is_value = bool(words) and _FLAG.fullmatch(words[-1]) is not None and not word.startswith("-")
        words.append(STARS if is_value and word else word)
    return _stars(" ".join(words).strip())


def _stars(text: str) -> str:
    return _LOGIN.sub(rf"\1{STARS}@", _TOLD.sub(rf"\1{STARS}", text))
