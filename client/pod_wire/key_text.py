r"""A private key as a variable can hold it: as it is, on one line with \n for its line ends, or as base64.

Text only: whether it opens anything is for ssh to find out.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

_KEY: Final = re.compile(
    r"-----BEGIN (?P<kind>[A-Z0-9 ]*PRIVATE KEY)-----(?P<body>.*)-----END (?P=kind)-----", re.DOTALL
)
_LINE: Final = 64


def private_key(value: str) -> str | None:
    """The key with real line ends, as ssh reads it; None where there is none in the value."""
    text = value.strip()
    found = _KEY.search(text) or _KEY.search(_decoded(text))
    if found is None:
        return None
    body = found["body"].replace("\\r", "").replace("\\n", "\n").strip()
    if "\n" not in body and ":" not in body:  # pasted as one line, with spaces or nothing for the line ends
        letters = "".join(body.split())
        body = "\n".join(letters[at : at + _LINE] for at in range(0, len(letters), _LINE))
    lines = [line.strip() for line in body.splitlines()]
    kind = found["kind"]
    return "\n".join((f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----", ""))


def _decoded(text: str) -> str:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return ""
