"""What pods share: ports of their own, and how a record becomes a launch."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pod_sim.backends.process import ProcessPods
from pod_sim.house import House, Pace, Ports, free_port, launch
from pod_sim.record import Asked, Mount, PodRecord, PodStatus
from pod_sim.state import Store
from pod_wire.clock import RealClock


def launched(tmp_path: Path, **asked):
    store = Store(tmp_path)
    (tmp_path / "pods").mkdir(parents=True)
    house = House(
        store,
        ProcessPods((), "python"),
        RealClock(),
        ThreadPoolExecutor(1),
        ("/bin/bash", "/entry.sh"),
        "python",
        {},
        "url",
        Pace(),
        Ports(),
    )
    record = PodRecord(
        "p", "k", Asked("a", "i", 5, **asked), PodStatus.STARTING, 0.0, "EU-RO-1", "0a", generation=3
    )
    return launch(record, house)


def test_no_two_pods_share_a_port():
    """Ports are distinct while their pods live, also ones that an earlier simulator gave."""
    ports = Ports()
    ports.keep("old", 21_000)
    given = {ports.fresh(f"pod{number}") for number in range(50)}
    assert len(given | {21_000}) == 51


def test_a_port_is_not_one_of_outgoing_connections():
    """An agent that is away for a moment finds its port still free."""
    assert all(20_000 <= free_port() < 32_768 for _ in range(20))


def test_a_port_in_use_is_not_given():
    """What listens already is passed over."""
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", free_port()))
        busy.listen()
        assert busy.getsockname()[1] not in {free_port() for _ in range(200)}


def test_pid_1_is_the_entrypoint_with_the_start_command(tmp_path):
    """`cmd` becomes the entrypoint's arguments, to the letter."""
    assert launched(tmp_path, cmd=("a", "b c")).argv == ("/bin/bash", "/entry.sh", "a", "b c")


def test_args_lose_their_quoting(tmp_path):
    """`args` is split at blanks, as RunPod does."""
    assert launched(tmp_path, args="a 'b c'").argv[2:] == ("a", "'b", "c'")


def test_an_entrypoint_of_the_body_replaces_ours(tmp_path):
    """`entrypoint` and `cmd` together are the whole command."""
    assert launched(tmp_path, entrypoint=("/bin/sh", "-c"), cmd=("true",)).argv == ("/bin/sh", "-c", "true")


def test_a_mount_lies_outside_the_disk(tmp_path):
    """Mounted, the workspace is a folder that a wipe of the disk leaves; without a mount nothing outlives a stop."""
    mount = Mount("/workspace", size=10)
    assert launched(tmp_path / "a", mount=mount).binds == ((tmp_path / "a/pods/p/mount", "/workspace"),)
    assert launched(tmp_path / "b").binds == ()


def test_a_network_volume_is_not_the_pods(tmp_path):
    """Its folder belongs to the account, so that it outlives the pod."""
    found = launched(tmp_path, mount=Mount("/data/", volume="vol1")).binds
    assert (tmp_path / "volumes/vol1", "/data") in found
