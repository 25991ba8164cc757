"""A value that must not be shown. ``str()``, ``repr()`` and f-strings show stars; ``reveal()`` is the only way to it."""

from __future__ import annotations

import hmac
from hashlib import sha256


class Secret:
    """A string that hides itself. Equality is in constant time; it is not hashable, so it is no dict key."""

    __slots__ = ("_value",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself. Search for this name to find every place that touches one."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __bool__(self) -> bool:
        return bool(self._value)

    def __str__(self) -> str:
        return "********"

    def __repr__(self) -> str:
        return "Secret(********)"


class TokenRule:
    """What the agent accepts as its bearer token: a token, or ``sha256:<hex>`` of one. Compared in constant time."""

    __slots__ = ("_digest",)

    def __init__(self, configured: Secret) -> None:
        text = configured.reveal()
        known = text.removeprefix("sha256:").lower()
        self._digest = known if text.startswith("sha256:") else sha256(text.encode()).hexdigest()

    def accepts(self, presented: str) -> bool:
        digest = sha256(presented.encode("utf-8", "surrogateescape")).hexdigest()
        return hmac.compare_digest(digest, self._digest)
