"""One pod's life: which container follows from which status, in order, whatever is asked meanwhile.

A status changes at once; the container follows under a lock, so that a start waits for the stop before it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from pod_sim.backends import namespaces
from pod_sim.backends.container import end
from pod_sim.console import Console
from pod_sim.house import free_port, launch
from pod_sim.record import Charge, Faults, PodRecord, PodStatus
from pod_wire.errors import PodError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from pod_sim.backends.container import Container
    from pod_sim.house import House

T = TypeVar("T")

log = logging.getLogger("pod_sim")


class PodLife:
    """One pod. Only called from the event loop; what blocks is done in threads."""

    def __init__(self, record: PodRecord, house: House, gone: Callable[[str], None]) -> None:
        self.record = record
        self.console = Console(house.store.pod_folder(record.id))
        self._house = house
        self._gone = gone
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def folder(self) -> Path:
        return self._house.store.pod_folder(self.record.id)

    # what may be asked

    def begin(self, *, has_no_gpu: bool = False) -> None:
        """A new pod, or a stopped one that is started."""
        now = self._house.clock.now()
        status = PodStatus.STARTING if self.record.generation else PodStatus.PROVISIONING
        self._change(status=status, has_no_gpu=has_no_gpu)
        self._charge(now)
        self._fresh_addresses()
        self._spawn(self._bring_up())

    def stop(self) -> None:
        self._change(status=PodStatus.EXITED)
        self._spawn(self._tear_down())

    def terminate(self) -> None:
        self._change(status=PodStatus.TERMINATED)
        self._spawn(self._tear_down())

    def restart(self, *, new_addresses: bool) -> None:
        """The container again, in place, on a wiped disk."""
        self._spawn(self._restart(new_addresses=new_addresses))

    def crash(self, faults: Faults) -> None:
        """PID 1 dies; what the next one finds is as the faults say."""
        self._change(faults=faults)
        container = self.record.container
        if container is not None:
            self._spawn(self._kill(container))

    def update(self, record: PodRecord) -> None:
        """Keep a changed record (name, environment, faults)."""
        self.record = record
        self._house.store.save(record)

    def resume(self) -> None:
        """After a restart of the simulator: take up what the record says."""
        if self.record.agent_port is not None:
            self._house.ports.keep(self.record.id, self.record.agent_port)
        found = self._house.backend.find(self.folder, self.record.generation)
        if found is None and self.record.container is not None and self.record.container.is_alive():
            found = self.record.container
        if found is not None:
            since = self.record.container_since or self._house.clock.now()
            self._change(container=found, container_since=since)
        same_machine_boot = self.record.machine_boot == namespaces.machine_boot()
        match self.record.status:
            case PodStatus.TERMINATED | PodStatus.EXITED | PodStatus.ERROR:
                self._spawn(self._tear_down())
            case _ if found is not None:
                self._change(status=PodStatus.RUNNING)
                self._watch(found)
            case PodStatus.RUNNING if not same_machine_boot:
                self.stop()  # the machine went down with it: not what RunPod would call a crash
            case PodStatus.RUNNING:
                self._spawn(self._again(self.record.container))
            case _:
                self._spawn(self._bring_up())

    async def settled(self) -> None:
        """Wait until what has been asked so far is done."""
        while pending := {task for task in self._tasks if not task.get_name().startswith("watch")}:
            await asyncio.wait(pending)

    def leave(self) -> None:
        """The simulator ends; the pod lives on."""
        for task in self._tasks:
            task.cancel()

    # what follows from it

    async def _bring_up(self) -> None:
        async with self._lock:
            if self.record.status is PodStatus.PROVISIONING:
                await asyncio.sleep(self._house.pace.provisioning)
            if not self.record.status.is_up:
                return
            if self.record.container is not None:  # that of a stop which failed
                await self._end_container()
            self._change(status=PodStatus.STARTING, started_at=self._house.clock.now())
            if self.record.faults.bring_up == "stuck":
                return
            if self.record.faults.bring_up == "error":
                self._fail(f"cannot place a container for {self.record.asked.image}")
                return
            await self._start_container()
            await asyncio.sleep(self._house.pace.starting)
            if self.record.status is PodStatus.STARTING and self.record.container is not None:
                self._change(status=PodStatus.RUNNING)

    async def _tear_down(self) -> None:
        async with self._lock:
            await self._end_container()
            self._settle_charge(self._house.clock.now())
            if self.record.status is PodStatus.TERMINATED:
                await self._in_thread(lambda: self._house.store.forget(self.record, self._house.clock.now()))
                self._gone(self.record.id)

    async def _restart(self, *, new_addresses: bool) -> None:
        async with self._lock:
            if not self.record.status.is_up:
                return
            await self._end_container()
            if new_addresses:
                self._fresh_addresses()
            await self._start_container()

    async def _again(self, old: Container | None) -> None:
        """The start command has exited: RunPod runs it again at once, on the same bill."""
        async with self._lock:
            if self.record.container is not old or self.record.status is not PodStatus.RUNNING:
                return
            faults = self.record.faults
            started = (
                self._house.clock.now() if faults.crash_started_at == "moved" else self.record.started_at
            )
            self._change(container=None, container_since=None, started_at=started)
            if old is not None:
                await self._in_thread(lambda: self._house.backend.stop(old, self.folder, 0.0))
            is_new = faults.crash_layer == "wiped"
            self._change(faults=replace(faults, crash_layer="kept", crash_started_at="kept"))
            await asyncio.sleep(self._house.pace.restart)
            if self.record.status is PodStatus.RUNNING:
                await self._start_container(is_new=is_new)

    async def _kill(self, container: Container) -> None:
        await self._in_thread(lambda: end(container, 0.0))

    async def _start_container(self, *, is_new: bool = True) -> None:
        self._change(generation=self.record.generation + 1, machine_boot=namespaces.machine_boot())
        record, image = self.record, self.record.asked.image
        try:
            if is_new:
                await self._in_thread(lambda: self._house.backend.wipe(self.folder))  # also of a failed start
                self._say(await self._in_thread(lambda: self._house.backend.pull(image)))
                self._say(f"create container {image}")
            self._say(f"start container for {image}: begin")
            container = await self._in_thread(lambda: self._house.backend.start(launch(record, self._house)))
        except (PodError, OSError) as error:
            log.error("pod=%s state=error reason=%s", record.id, error)  # noqa: TRY400 (expected; it goes to the console)
            with self.console.path.open("a") as console:
                console.write(f"pod_sim: {error}\n")
            self._fail(str(error))
            return
        log.info("pod=%s state=started generation=%d pid=%d", record.id, record.generation, container.pid)
        self._change(container=container, container_since=self._house.clock.now())
        self._watch(container)

    async def _end_container(self) -> None:
        """What runs, and its disk."""
        container = self.record.container
        if container is None:
            await self._in_thread(lambda: self._house.backend.wipe(self.folder))
            return
        self._say(f"stop container for {self.record.asked.image}")
        grace = self._house.pace.grace
        await self._in_thread(lambda: self._house.backend.stop(container, self.folder, grace))
        log.info("pod=%s state=ended generation=%d", self.record.id, self.record.generation)
        self._change(container=None, container_since=None)
        await self._in_thread(lambda: self._house.backend.wipe(self.folder))
        self._say(f"remove container for {self.record.asked.image}")

    def _watch(self, container: Container) -> None:
        self._spawn(self._await_exit(container), "watch")

    async def _await_exit(self, container: Container) -> None:
        descriptor = container.handle()
        if descriptor is not None:
            loop, exited = asyncio.get_running_loop(), asyncio.Event()
            loop.add_reader(descriptor, exited.set)
            try:
                await exited.wait()
            finally:
                loop.remove_reader(descriptor)
                os.close(descriptor)
        log.info("pod=%s state=exited generation=%d", self.record.id, container.generation)
        self._spawn(self._again(container))

    def _fail(self, why: str) -> None:
        """What may still live of it stays known: the next start or terminate ends it."""
        self._say(f"error: {why}")
        if self.record.container is None or not self.record.container.is_alive():
            self._change(container=None, container_since=None)
        if self.record.status is not PodStatus.TERMINATED:
            self._change(status=PodStatus.ERROR)
        self._settle_charge(self._house.clock.now())

    def _say(self, text: str) -> None:
        self.console.say(text, self._house.clock.now())

    def _fresh_addresses(self) -> None:
        inside = [port.partition("/")[0] for port in self.record.asked.ports if port.endswith("/tcp")]
        outside: dict[str, int] = {}
        for port in inside:
            outside[port] = free_port(outside.values())
        shared = self._house.backend.shares_network
        agent_port = self._house.ports.fresh(self.record.id) if shared else None
        hostname = f"{self.record.id}-{secrets.token_hex(2)}"
        self._change(hostname=hostname, tcp_ports=outside, agent_port=agent_port)

    def _charge(self, now: float) -> None:
        if not any(charge.until is None for charge in self.record.charges):
            self._change(charges=(*self.record.charges, Charge(now, None, self.record.asked.price())))

    def _settle_charge(self, now: float) -> None:
        settled = (
            replace(charge, until=now) if charge.until is None else charge for charge in self.record.charges
        )
        self._change(charges=tuple(settled))

    def _change(self, **changes: object) -> None:
        self.update(replace(self.record, **changes))  # type: ignore[arg-type]

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._house.threads, work)

    def _spawn(self, work: Coroutine[object, object, None], name: str = "work") -> None:
        task = asyncio.get_running_loop().create_task(work, name=f"{name} {self.record.id}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        with contextlib.suppress(asyncio.CancelledError):
            error = task.exception()
            if error is not None:
                log.error("pod=%s state=broken reason=%s", self.record.id, error)
            if isinstance(error, (PodError, OSError)):  # this machine could not: nobody looks after it now
                self._fail(str(error))
