"""A tree on its way: every kind of trouble costs time, none a byte twice; what cannot be is said."""

from __future__ import annotations

import hashlib
import io

import pytest

from pod_client.agent_api import TreeState
from pod_client.code.packing import Packed
from pod_client.code.sending import Sending
from pod_wire.errors import BadInput, Broken, Conflict, NoRoom, NotFound, PodError, Unreachable
from tests.fakes.clock import FakeClock

DATA = bytes(range(256)) * 40
DIGEST = hashlib.sha256(DATA).hexdigest()


class Pod:
    """What a pod has of the tree; ``troubles`` are raised first, one for each request."""

    def __init__(self, *troubles, damages=0):
        self.have = b""
        self.troubles = list(troubles)
        self.damages = damages
        self.pieces = []

    def tree(self, digest):
        assert digest == DIGEST
        self._trouble()
        return TreeState(len(self.have), self.have == DATA)

    def put_piece(self, digest, data, first, total):
        self._trouble()
        assert (digest, first, total) == (DIGEST, len(self.have), len(DATA))
        self.pieces.append(first)
        self.have += data
        if len(self.have) == total and self.damages:
            self.damages -= 1
            self.have = b""
            raise Conflict("0 bytes are here")
        return TreeState(len(self.have), self.have == DATA)

    def _trouble(self):
        if self.troubles:
            trouble = self.troubles.pop(0)
            if isinstance(trouble, bytes):
                self.have += trouble
                raise Unreachable("cut")
            if trouble is not None:
                raise trouble


class Screen:
    def __init__(self):
        self.said = []

    def step(self, text):
        self.said.append(text)

    note = step


def send(pod, gone=None):
    screen = Screen()
    packed = Packed(DIGEST, len(DATA), 1, io.BytesIO(DATA))
    Sending(pod, packed, screen, FakeClock(), lambda: gone, piece=1000).send()
    return screen.said


def test_it_goes_in_pieces():
    """Each byte once, in order, and one line says so."""
    pod = Pod()
    said = send(pod)
    assert pod.have == DATA
    assert pod.pieces == list(range(0, len(DATA), 1000))
    assert said[-1].startswith("sent the code, 10.2 kB in")


def test_what_is_there_is_not_sent():
    """A pod that has it gets nothing."""
    pod = Pod()
    pod.have = DATA
    assert send(pod) == ["the pod has this code already: nothing was sent"]
    assert pod.pieces == []


def test_trouble_costs_time_and_no_byte():
    """Cuts that delivered a part, refusals, a pod that is not up yet: it goes on where the pod is."""
    pod = Pod(
        NotFound("no job"),
        Unreachable("502"),
        None,
        Conflict("taken over"),
        None,
        DATA[:300],
        None,
        Broken("500"),
        None,
    )
    send(pod)
    assert pod.have == DATA
    assert 300 in pod.pieces


@pytest.mark.parametrize("error", [NoRoom("full"), BadInput("too large")])
def test_what_cannot_be_is_raised_at_once(error):
    """A full volume does not become less full by asking again."""
    with pytest.raises(type(error)):
        send(Pod(None, error))


@pytest.mark.parametrize("error", [Unreachable("gone"), NotFound("no job here waits for it")])
def test_trouble_that_lasts_is_raised(error):
    """After minutes without a byte the last reason is the reason."""
    with pytest.raises(type(error)):
        send(Pod(*[error] * 10_000))


def test_damage_on_the_way_is_sent_again_and_not_for_ever():
    """Twice is bad luck; for ever is a broken network."""
    pod = Pod(damages=2)
    send(pod)
    assert pod.have == DATA
    with pytest.raises(PodError, match="damaged"):
        send(Pod(damages=1000))


def test_a_network_that_drops_every_piece_is_given_up():
    """The pod answers each time that it has nothing yet: that is no progress, however friendly."""
    pod = Pod()
    pod.put_piece = lambda *given: TreeState(given[2], whole=False)
    with pytest.raises(Unreachable, match="nothing arrives"):
        send(pod)


def test_a_pod_that_is_gone_is_not_waited_for():
    """RunPod knows why nobody answers."""
    with pytest.raises(Conflict, match="the pod was removed"):
        send(Pod(Unreachable("no route")), gone="the pod was removed")


def test_a_lost_answer_is_not_taken_for_nothing_sent():
    """All arrived, only the answer did not: it was sent all the same."""
    pod = Pod()
    put, lost = pod.put_piece, [True]

    def put_and_lose(digest, data, first, total):
        state = put(digest, data, first, total)
        if state.whole and lost.pop():
            raise Unreachable("cut")
        return state

    pod.put_piece = put_and_lose
    assert send(pod)[-1].startswith("sent the code, 10.2 kB")
