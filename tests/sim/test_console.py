"""A pod's two logs: every line has one number and one time for ever, over cuts, trims and killed simulators."""

from __future__ import annotations

from pathlib import Path

import pytest

from pod_sim.console import CONTAINER, KEPT_CONSOLE, LONGEST_LINE, MAX_CONSOLE, SYSTEM, Console, split


def write(console: Console, data: bytes) -> None:
    with console.path.open("ab") as file:
        file.write(data)


def seen(console: Console, seq: int = 0) -> list[tuple[int, float, str, str]]:
    return [(line.seq, line.ts, line.source, line.text) for line in console.after(seq, None, 10**6)[0]]


@pytest.fixture
def console(tmp_path: Path) -> Console:
    return Console(tmp_path)


def test_both_logs_share_one_count(console):
    """Lines of the container and of the host are numbered in the order in which they came."""
    console.say("create", 1.0)
    write(console, b"a\nb\n")
    console.say("stop", 2.0)
    assert seen(console) == [
        (1, 1.0, SYSTEM, "create"),
        (2, 2.0, CONTAINER, "a"),
        (3, 2.0, CONTAINER, "b"),
        (4, 2.0, SYSTEM, "stop"),
    ]
    assert [text for *_, text in seen(console, 2)] == ["b", "stop"]
    assert [line.text for line in console.after(0, SYSTEM, 9)[0]] == ["create", "stop"]


def test_a_line_waits_for_its_end(console):
    """Half a line is none yet; with the container's end it is one."""
    write(console, b"whole\nha")
    console.collect(1.0)
    assert [text for *_, text in seen(console)] == ["whole"]
    write(console, b"lf\nrest")
    console.say("stop", 2.0)
    assert [text for *_, text in seen(console)] == ["whole", "half", "rest", "stop"]


def test_a_line_without_an_end_is_cut(console):
    """A progress bar of megabytes comes in pieces, and none is lost."""
    write(console, b"x" * (3 << 20) + b"\nend\n")
    console.collect(1.0)
    texts = [text for *_, text in seen(console)]
    assert "".join(texts) == "x" * (3 << 20) + "end"
    assert max(map(len, texts)) == LONGEST_LINE
    assert [line.seq for line in console.tail(3, None)] == [console.last - 2, console.last - 1, console.last]


def test_bytes_that_are_no_text():
    """They are shown as such; only a newline ends a line, and of CR LF nothing stays."""
    assert split(b"a\xff\r\n\nb\x0bc\r") == ["a\ufffd", "", "b\x0bc"]


def test_another_simulator_counts_on(console, tmp_path):
    """Numbers and times are as the first one gave them, also when it was killed amid a note."""
    console.say("create", 1.0)
    write(console, b"a\n")
    console.collect(2.0)
    before = seen(console)
    with (tmp_path / "console.index").open("a") as index:
        index.write('{"seq": 3, "ts"')
    later = Console(tmp_path)
    write(later, b"b\n")
    later.collect(3.0)
    assert seen(later) == [*before, (3, 3.0, CONTAINER, "b")]
    assert seen(Console(tmp_path)) == seen(later)


@pytest.mark.parametrize(
    "line", [b"\xff\xfe", b"7", b"[]", b'{"seq": "x"}', b'{"base": "y"}', b'{"seq": 3, "more": 1}', b"\0" * 9]
)
def test_a_note_that_nobody_understands_is_none(console, tmp_path, line):
    """A disk that lost a part of the index costs those lines their numbers, and no reader its answer."""
    console.say("create", 1.0)
    with (tmp_path / "console.index").open("ab") as index:
        index.write(line + b"\n")
    later = Console(tmp_path)
    later.say("start", 2.0)
    assert [text for *_, text in seen(later)] == ["create", "start"]


def test_the_tail_is_of_each_log(console):
    """So many lines of the one and so many of the other, in their order; none where none is asked for."""
    for number in range(5):
        console.say(f"host {number}", number)
    write(console, b"".join(b"line %d\n" % number for number in range(9)))
    console.collect(9.0)
    assert [line.text for line in console.tail(2, None)] == ["host 3", "host 4", "line 7", "line 8"]
    assert [line.text for line in console.tail(2, SYSTEM)] == ["host 3", "host 4"]
    assert console.tail(0, None) == []


def test_a_time_leads_to_a_number(console):
    """To the last line before it, or to the last one that bears it, by the millisecond."""
    for number in range(1, 4):
        console.say("x", number + 0.0004)
    assert console.before(2.0, is_shown=False) == 1
    assert console.before(2.0, is_shown=True) == 2
    assert console.before(99.0, is_shown=False) == 3
    assert console.before(0.0, is_shown=True) == 0


def test_a_console_keeps_its_end(console, tmp_path):
    """What is too long is cut in place, under a writer that goes on; numbers of what is left stay."""
    console.say("create", 1.0)
    with console.path.open("ab", buffering=0) as file:
        file.write((b"x" * 1023 + b"\n") * (MAX_CONSOLE >> 10) + b"end\n")
        console.collect(2.0)
        count = console.last
        console.trim()
        file.write(b"and more\n")
    console.collect(3.0)
    assert console.path.stat().st_size == KEPT_CONSOLE + len(b"and more\n")
    for one in (console, Console(tmp_path)):
        assert [(line.seq, line.text) for line in one.tail(2, CONTAINER)] == [
            (count, "end"),
            (count + 1, "and more"),
        ]
        assert [line.text for line in one.tail(2, SYSTEM)] == ["create"]
        first = one.after(1, CONTAINER, 2)[0]
        assert [len(line.text) for line in first] == [1019, 1023]


def test_a_short_console_is_left_alone(console):
    """Nothing is trimmed before it is too long, nor where nothing is."""
    console.trim()
    write(console, b"hello")
    console.trim()
    assert console.path.read_bytes() == b"hello"


def test_a_console_that_somebody_cut(console):
    """Shorter than it was seen: what comes now is counted on."""
    write(console, b"one\ntwo\n")
    console.collect(1.0)
    console.path.write_bytes(b"")
    console.collect(2.0)
    write(console, b"three\n")
    console.collect(3.0)
    assert console.tail(1, None)[0].text == "three"
    assert console.last == 3


def test_a_console_that_is_gone_has_no_lines(console):
    """A reader that is behind when the pod is terminated meets no error."""
    write(console, b"one\n")
    console.collect(1.0)
    console.path.unlink()
    assert console.after(0, None, 10) == ([], 1)
