"""Progress bars on the screen: folded there, untouched elsewhere."""

from __future__ import annotations

import pytest

from pod_client.folding import BarFold, NoFold, fold_for

CLEAR = b"\r\x1b[K"


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        ([b"plain\ntext\n"], b"plain\ntext\n"),
        ([b"10%\r20%\r30%\n"], CLEAR + b"30%\n"),
        ([b"dos\r\nlines\r\n"], b"dos\r\nlines\r\n"),
        ([b"dos\r", b"\nlines"], b"dos\r\nlines"),
        ([b"10%", b"\r20%", b"\r30%\nend\n"], b"10%" + CLEAR + b"20%" + CLEAR + b"30%\nend\n"),
        ([b"a\rb\r\nc"], CLEAR + b"b\r\nc"),
        ([b"10%\r"], b"10%\r"),
    ],
)
def test_only_the_last_state_of_a_line_is_shown(pieces, shown):
    """Of a line rewritten within one piece the last state is shown; line ends stay as they are."""
    fold = BarFold()
    assert b"".join([*map(fold.feed, pieces), fold.rest()]) == shown


def test_a_line_without_an_end_is_not_kept():
    """Nothing but one byte is held back, however long the line is."""
    fold = BarFold()
    assert len(fold.feed(b"x" * 1_000_000)) == 1_000_000
    assert fold.rest() == b""


@pytest.mark.parametrize(("terminal", "raw"), [(False, False), (True, True), (False, True)])
def test_bytes_pass_untouched_unless_a_person_looks(terminal, raw):
    """In a pipe, and with --raw, not one byte differs."""
    fold = fold_for(terminal=terminal, raw=raw)
    assert isinstance(fold, NoFold)
    assert fold.feed(b"10%\r20%\r\xff\xfe") + fold.rest() == b"10%\r20%\r\xff\xfe"
