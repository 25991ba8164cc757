"""How far a command's quoting is understood."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_wire.shell_text import shape


@pytest.mark.parametrize(
    "command",
    [
        "python train.py",
        "python train.py --name 'a;b' --note \"c & d | e # f\"",
        "python train.py --sep \\; --hash \\#1",
        "python train.py \\\n  --lr 1",
        "echo $'it\\'s; fine'",
        "echo 'a\nb'",
        'echo "a\\"; b"',
        "",
    ],
)
def test_quoted_breaks_do_not_count(command):
    """Inside quotes and after a backslash no character ends a command."""
    assert not shape(command).breaks
    assert shape(command).is_closed


@pytest.mark.parametrize(
    "command",
    [
        "python train.py | tee log",
        "cd x; python train.py",
        "cd x && python train.py",
        "python train.py # the run",
        "python a.py\npython b.py",
        "echo 'a' ; 'b'",
        "echo $'a\\\\' ; b",
        'echo "a\\\\" ; b',
    ],
)
def test_unquoted_breaks_count(command):
    """A pipe, list, background sign, comment or line end outside quotes is found."""
    assert shape(command).breaks


@pytest.mark.parametrize("command", ["echo 'a", 'echo "a', "echo a\\", "echo $'a\\'", 'echo "a\\"'])
def test_open_ends_are_seen(command):
    """A command that ends inside quotes or after a backslash takes no further words."""
    assert not shape(command).is_closed


@pytest.mark.slow
@given(st.text(alphabet="ab '\"\\$", max_size=10))
def test_bash_agrees(command):
    """Where we say that words can be added at the end, bash sees the added word as one of its own."""
    found = shape(command)
    script = f"printf '%s\\0' {command} added"
    answer = subprocess.run(
        ["bash", "-c", script], capture_output=True, check=False, env={"PATH": "/usr/bin:/bin"}
    )
    whole = answer.returncode == 0 and answer.stdout.split(b"\0")[-2:-1] == [b"added"]
    assert found.is_closed == whole
