"""Tables of cases, of which a few run always and the others where the slow tests run.

Not a place for cases: only for what says which of them are the few.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

SLOW = pytest.mark.slow


def mostly_slow(cases: Iterable[Any], *few: Any) -> list[Any]:
    """Every case for parametrize, all but the few marked slow; a case that is a tuple has its values in it."""
    table = list(cases)
    strangers = [one for one in few if one not in table]
    if strangers:
        message = f"not in the table: {strangers}"
        raise ValueError(message)
    values = [(one, one if isinstance(one, tuple) else (one,)) for one in table]
    return [pytest.param(*value, marks=() if one in few else SLOW) for one, value in values]
