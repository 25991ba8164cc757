"""The simulator's folder."""

from __future__ import annotations

import stat
import subprocess
import sys

import pytest

from pod_sim.files import replace_file
from pod_sim.record import Asked, PodRecord, PodStatus
from pod_sim.state import Store
from pod_wire.errors import Conflict


def record(pod_id: str, created_at: float = 1.0) -> PodRecord:
    return PodRecord(pod_id, "k", Asked("a", "i", 5), PodStatus.EXITED, created_at, "EU-RO-1", "0a")


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "state")
    store.open()
    yield store
    store.close()


def test_pods_come_back_oldest_first(store):
    """What was saved is loaded, in order of creation."""
    for pod in (record("young", 2.0), record("old", 1.0)):
        store.save(pod)
    assert [pod.id for pod in store.load()] == ["old", "young"]


def test_a_folder_without_a_record_is_removed(store):
    """What a killed create left behind is cleared."""
    (store.pod_folder("half") / "disk").mkdir(parents=True)
    assert store.load() == []
    assert not store.pod_folder("half").exists()


def test_a_second_simulator_is_told_who_has_the_folder(store, tmp_path):
    """The second one names the first one's pid and address."""
    store.announce("http://127.0.0.1:5", "key")
    with pytest.raises(Conflict, match=r"pid \d+ already serves it at http://127\.0\.0\.1:5"):
        Store(tmp_path / "state").open()


def test_a_forgotten_pod_leaves_its_bill(store):
    """Of a terminated pod one line with its cost is left, and no folder."""
    store.save(record("gone"))
    store.forget(record("gone"), 5.0)
    assert not store.pod_folder("gone").exists()
    assert '"id": "gone"' in (store.folder / "ledger.jsonl").read_text()


def test_keys_are_readable_by_their_owner_only(store):
    """Folder, settings and announcement are private."""
    store.settings()
    store.announce("u", "key")
    modes = {
        name: stat.S_IMODE((store.folder / name).stat().st_mode) for name in ("sim.json", "server.json", ".")
    }
    assert modes == {"sim.json": 0o600, "server.json": 0o600, ".": 0o700}


def test_the_account_key_stays(store):
    """A later start has the same key."""
    assert store.settings() == store.settings()


def test_a_file_is_replaced_whole(tmp_path):
    """After a replacement no draft is left."""
    replace_file(tmp_path / "f", b"one")
    replace_file(tmp_path / "f", b"two")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("f", b"two")]


def test_a_volume_stays_in_its_folder(store):
    """A volume's id cannot lead out of the folder of volumes."""
    assert store.volume_folder("../../etc").parent == store.folder / "volumes"


def test_a_record_that_does_not_fit_leaves_the_old_one(tmp_path):
    """A disk that takes only a part of the new file: the write fails, and the record is the old one, whole."""
    path = tmp_path / "pod.json"
    script = (
        "import pathlib, resource, signal, sys; from pod_sim.files import replace_file; "
        "path = pathlib.Path(sys.argv[1]); "
        "replace_file(path, b'old'); signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)); replace_file(path, b'n' * 200)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, check=False)
    assert done.returncode != 0
    assert path.read_bytes() == b"old"
