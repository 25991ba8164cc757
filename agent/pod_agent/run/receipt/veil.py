"""A receipt without secrets: its free text masked as the log is. Pure; names, ids and numbers stay as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pod_wire.codec import from_json, to_plain
from pod_wire.receipt import Receipt

if TYPE_CHECKING:
    from pod_wire.masker import Masker

_FREE = frozenset(
    {"command", "commit", "reason", "remedy", "resumed_from", "path", "text", "installed", "gpu"}
) | {"warnings", "unknown", "ending", "stop", "because"}


def veiled(told: Receipt, masker: Masker) -> Receipt:
    """The same receipt, fit to leave the pod."""
    plain: object = _veil(to_plain(told), masker, free=False)
    return from_json(Receipt, plain) if isinstance(plain, Mapping) else told


def _veil(value: object, masker: Masker, *, free: bool) -> object:
    if isinstance(value, str) and free:
        return masker.mask(value.encode("utf-8", "replace")).decode("utf-8", "replace")
    if isinstance(value, Mapping):
        return {key: _veil(item, masker, free=key in _FREE) for key, item in value.items()}
    if isinstance(value, list):
        return [_veil(item, masker, free=free) for item in value]
    return value
