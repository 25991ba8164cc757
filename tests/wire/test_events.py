"""The journal's lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_wire.errors import BadInput
from pod_wire.events import KINDS, Entry, Kind, from_line, read_entries, to_line

VALUES = st.none() | st.text() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
FIELDS = st.dictionaries(st.text().filter(lambda key: key not in {"at", "kind"}), VALUES, max_size=4)
ENTRIES = st.builds(Entry, st.floats(0, 1e11), st.sampled_from(sorted(KINDS)) | st.text(), FIELDS)


@given(ENTRIES)
def test_a_line_gives_the_entry_again(entry):
    """An entry is one line, and the line is the entry."""
    line = to_line(entry)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert from_line(line) == entry


@given(st.lists(ENTRIES, max_size=5), st.integers(0, 400))
def test_a_torn_journal_gives_its_whole_entries(entries, cut):
    """However a journal was cut off, every entry whose line is whole is read, and nothing else."""
    lines = [to_line(entry) for entry in entries]
    data = b"".join(lines)[:cut]
    whole = 0
    while whole < len(lines) and len(b"".join(lines[: whole + 1])) - 1 <= len(data):
        whole += 1
    assert read_entries(data) == tuple(entries[:whole])


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"3",
        b"{}",
        b'{"at": 1}',
        b'{"at": true, "kind": "x"}',
        b'{"at": 1, "kind": 2}',
        b'{"at": NaN, "kind": "x"}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_what_is_no_entry_is_bad_input(line):
    """A torn or foreign line is refused, not guessed at."""
    with pytest.raises(BadInput, match="journal entry"):
        from_line(line)


def test_reserved_fields_are_not_overwritten():
    """A field called "at" or "kind" is a mistake of the programmer's."""
    with pytest.raises(ValueError, match="kind"):
        to_line(Entry(1.0, "phase", {"kind": "x"}))


def test_nested_fields_of_a_newer_journal_are_kept_as_text():
    """What a newer agent nests is not lost on an older reader."""
    assert from_line(b'{"at": 1, "kind": "new", "a": [1, 2]}').fields == {"a": "[1, 2]"}


def test_the_kinds_that_are_written_are_known():
    """The kinds of the lifecycle are all there."""
    wanted = "phase attempt_started attempt_ended checkpoint order outcome stop_requested stop_refused warning agent"
    wanted += " idle_notice idle_over keep"
    assert set(wanted.split()) <= KINDS
    assert to_line(Entry(1.0, Kind.PHASE, {})) == b'{"at":1.0,"kind":"phase"}\n'
