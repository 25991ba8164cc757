"""Where namespaces are refused, one message says what to run."""

from __future__ import annotations

import pytest

from pod_sim.backends.host import find_unshare, remedy


@pytest.mark.parametrize(
    ("switch", "value", "command"),
    [
        ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        ("user/max_user_namespaces", "0", "user.max_user_namespaces=15000"),
    ],
)
def test_the_switch_that_is_off_is_named(tmp_path, switch, value, command):
    """The remedy is the sysctl that this machine has set against us."""
    path = tmp_path / switch
    path.parent.mkdir()
    path.write_text(value + "\n")
    assert remedy(tmp_path) == f"run: sudo sysctl -w {command}"


def test_this_machine_allows_namespaces():
    """Here the probe finds an unshare that works, with a pid namespace and its end with the parent."""
    command = find_unshare()
    assert {"--pid", "--mount", "--uts", "--fork", "--kill-child"} <= set(command)
