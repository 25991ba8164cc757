"""All pods of the account: creating, finding, listing, and what may be done to which when. Lives do the rest."""

from __future__ import annotations

import base64
import binascii
import secrets
import string
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_sim import catalog
from pod_sim.bodies import resets
from pod_sim.keys import new_pod_key
from pod_sim.life import PodLife
from pod_sim.problems import Problem, invalid, not_found
from pod_sim.record import PodRecord, PodStatus

if TYPE_CHECKING:
    from pod_sim.house import House
    from pod_sim.keys import Caller
    from pod_sim.record import Asked, Faults

ID_LETTERS = string.ascii_lowercase + string.digits
ID_LENGTH = 14
MAX_PAGE = 1000
FOR_EVER = -1
IN_CLUSTER = "pod is a member of a cluster"


class Fleet:
    """Only used from the event loop."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._lives: dict[str, PodLife] = {}

    @property
    def takes_images(self) -> bool:
        """Whether a pod is made of the image it asks for."""
        return self._house.backend.takes_images

    # finding

    def records(self) -> tuple[PodRecord, ...]:
        """Every pod that has not been terminated, newest first."""
        records = (
            life.record for life in self._lives.values() if life.record.status is not PodStatus.TERMINATED
        )
        return tuple(sorted(records, key=lambda record: record.created_at, reverse=True))

    def lives(self) -> tuple[PodLife, ...]:
        return tuple(life for life in self._lives.values() if life.record.status is not PodStatus.TERMINATED)

    def all_records(self) -> tuple[PodRecord, ...]:
        """The same with those on their way out: their keys are still known."""
        return tuple(life.record for life in self._lives.values())

    def life(self, pod_id: str) -> PodLife:
        life = self._lives.get(pod_id)
        if life is None or life.record.status is PodStatus.TERMINATED:
            raise not_found()
        return life

    def peek(self, pod_id: str) -> PodRecord | None:
        """A pod for the proxy: also one that is going down."""
        life = self._lives.get(pod_id)
        return None if life is None else life.record

    def page(self, limit: int, cursor: str | None) -> tuple[tuple[PodRecord, ...], str | None]:
        records = self.records()
        start = 0
        if cursor is not None:
            last = _read_cursor(cursor)
            start = next((place + 1 for place, record in enumerate(records) if record.id == last), -1)
            if start < 0:
                raise invalid(["cursor: malformed or unknown cursor"])
        chosen = records[start : start + limit]
        more = start + limit < len(records)
        return chosen, _cursor(chosen[-1].id) if more else None

    # acting

    def create(self, asked: Asked, faults: Faults) -> PodRecord:
        pod_id = "".join(secrets.choice(ID_LETTERS) for _ in range(ID_LENGTH))
        record = PodRecord(
            id=pod_id,
            key=new_pod_key(),
            asked=asked,
            status=PodStatus.PROVISIONING,
            created_at=self._house.clock.now(),
            data_center=catalog.place(asked.data_centers),
            machine=secrets.token_hex(4),
            faults=faults,
        )
        life = PodLife(record, self._house, self._forget)
        self._lives[pod_id] = life
        life.begin()
        return life.record

    def patch(self, pod_id: str, asked: Asked) -> PodRecord:
        life = self.life(pod_id)
        before = life.record.asked
        if life.record.faults.cluster:
            raise Problem(409, IN_CLUSTER)
        life.update(replace(life.record, asked=asked))
        if life.record.status is PodStatus.RUNNING and resets(before, asked):
            life.restart(new_addresses=True)
        return life.record

    def act(self, pod_id: str, action: str, caller: Caller, *, has_no_gpu: bool = False) -> PodRecord | None:
        """None means that the pod is no more."""
        life = self.life(pod_id)
        if action in ("stop", "terminate"):
            self._maybe_refuse(life, caller)
        if action not in life.record.status.actions:
            raise Problem(409, f"cannot {action} a pod that is {life.record.status.value}")
        if life.record.faults.cluster:
            raise Problem(409, IN_CLUSTER)
        if life.record.asked.locked and action in ("stop", "restart"):
            raise Problem(409, "pod is locked")
        match action:
            case "start":
                life.begin(has_no_gpu=has_no_gpu)
            case "stop":
                life.stop()
            case "restart":
                life.restart(new_addresses=False)
            case _:
                life.terminate()
                return None
        return life.record

    def set_faults(self, pod_id: str, faults: Faults) -> None:
        life = self.life(pod_id)
        life.update(replace(life.record, faults=faults))

    async def end_all(self) -> None:
        """Terminate every pod and wait until nothing of them is left."""
        lives = list(self._lives.values())
        for life in lives:
            if life.record.status is not PodStatus.TERMINATED:
                life.terminate()
        for life in lives:
            await life.settled()

    # over restarts of the simulator

    def adopt(self) -> None:
        for record in self._house.store.load():
            life = PodLife(record, self._house, self._forget)
            self._lives[record.id] = life
            life.resume()

    def leave(self) -> None:
        for life in self._lives.values():
            life.leave()

    def is_quiet(self) -> bool:
        """No pod runs, and none is on its way down."""
        return all(not record.status.is_up and record.container is None for record in self.all_records())

    def _maybe_refuse(self, life: PodLife, caller: Caller) -> None:
        faults = life.record.faults
        if caller.pod is None or faults.refuse_stop == 0:
            return
        if faults.refuse_stop != FOR_EVER:
            life.update(replace(life.record, faults=replace(faults, refuse_stop=faults.refuse_stop - 1)))
        raise Problem(403, "access denied")

    def _forget(self, pod_id: str) -> None:
        self._lives.pop(pod_id, None)
        self._house.ports.forget(pod_id)


def _cursor(pod_id: str) -> str:
    return base64.urlsafe_b64encode(f"pod:{pod_id}".encode()).decode()


def _read_cursor(cursor: str) -> str:
    try:
        kind, _, pod_id = base64.b64decode(cursor, altchars=b"-_", validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise invalid(["cursor: malformed or unknown cursor"]) from error
    if kind != "pod":
        raise invalid(["cursor: malformed or unknown cursor"])
    return pod_id
