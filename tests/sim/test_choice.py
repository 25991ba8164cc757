"""What a simulator's pods are made of: asked for, or as before; and whose its files are when root makes them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from pod_sim.backends.choice import DOCKER, PROCESS, settle
from pod_sim.record import Asked, PodRecord, PodStatus
from pod_sim.state import Store
from pod_wire.errors import Conflict, Refused

SOMEBODY = 12_345


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "state")
    store.open()
    yield store
    store.close()


def with_a_pod(store: Store) -> None:
    store.save(PodRecord("p1", "k", Asked("a", "i", 5), PodStatus.EXITED, 1.0, "EU-RO-1", "0a"))


def test_what_is_not_asked_for_is_as_before(store):
    """Whoever starts the next simulator on a folder, `--local` too, meets the same kind of pods."""
    assert settle(store, None, None, None).backend == PROCESS
    store.keep_settings(settle(store, DOCKER, "mine:1", "host"))
    with_a_pod(store)
    again = settle(store, None, None, None)
    assert (again.backend, again.image, again.network) == (DOCKER, "mine:1", "host")
    other = settle(store, DOCKER, "mine:2", None)
    assert (other.image, other.network, other.account_key) == ("mine:2", None, again.account_key)


def test_a_pod_stays_what_it_is(store):
    """Pods of the other kind are not taken over; where there are none any more, the kind is free."""
    store.keep_settings(settle(store, DOCKER, None, None))
    assert settle(store, PROCESS, None, None).backend == PROCESS
    with_a_pod(store)
    with pytest.raises(Conflict, match=r"cannot make processes of the pods in .*: they are containers"):
        settle(store, PROCESS, None, None)


def test_settings_of_an_older_simulator_are_of_processes(store):
    """They do not say what their pods are."""
    (store.folder / "sim.json").write_text('{"account_key":"k","port":5,"format":1}')
    assert (settle(store, None, None, None).backend, store.settings().port) == (PROCESS, 5)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_makes_in_a_persons_folder_is_the_persons(tmp_path):
    """A simulator started by sudo is answered to the client of whoever asked for it; nobody else may read its key."""
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, SOMEBODY, SOMEBODY)
    store = Store(home / ".local" / "state" / "sim")
    store.open()
    store.settings()
    store.announce("http://127.0.0.1:5", "key")
    store.close()
    made = [path for path in home.rglob("*") if path.name != "pods"]
    assert {path.stat().st_uid for path in made} == {SOMEBODY}
    assert {path.stat().st_mode & 0o077 for path in made} == {0}
    assert (store.folder / "pods").stat().st_uid == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="takes a second user")
def test_another_users_pods_are_said():
    """Their simulator cannot be started by somebody else: one line, with what to do."""
    with tempfile.TemporaryDirectory() as home:
        os.chown(home, SOMEBODY, SOMEBODY)
        store = Store(Path(home) / "sim")
        store.open()
        store.close()
        os.seteuid(SOMEBODY)
        try:
            with pytest.raises(
                Refused, match=r"Permission denied \(another user's simulator may have made it"
            ):
                store.open()
        finally:
            os.seteuid(0)
