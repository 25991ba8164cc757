"""One inspection of the pod for one job: looks at everything at once, each within its time, and hands over verdicts.

What is looked at every time (GPUs, room, mount) holds the training back; names and pace do not. Decides nothing itself:
the verdicts are the checks', and what follows is ``run.readiness``'s.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pod_agent.pod.preflight import cuda, gpu_look, gpus, mount, names, room
from pod_agent.pod.preflight.look import Look
from pod_agent.pod.preflight.verdict import FINE, Finding

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pod_agent.pod.preflight.gpus import Gpus
    from pod_agent.pod.preflight.place import Load, Place
    from pod_agent.pod.preflight.room import Room
    from pod_wire.clock import Clock
    from pod_wire.runpod.models import Pod

LIMIT_S = 5.0
OWN_POD_S = 6.0
MEMORY_TRIES, MEMORY_PAUSE_S = 10, 1.0


class Inspection:
    """Looks. ``own_pod`` is RunPod's record of us; ``look_at_gpus`` asks the driver."""

    def __init__(
        self,
        place: Place,
        clock: Clock,
        *,
        own_pod: Callable[[], Pod | None] = lambda: None,
        look_at_gpus: Callable[[Place], Gpus] | None = None,
        look_at_room: Callable[[Path], Room] = room.look,
        resolve: Callable[[str], None] = names.resolve,
        doing: Callable[[str | None], None] = lambda _: None,
        limit_s: float = LIMIT_S,
    ) -> None:
        self._place = place
        self._clock = clock
        self._own_pod = own_pod
        self._look_at_gpus = look_at_gpus or _ask_driver
        self._look_at_room = look_at_room
        self._resolve = resolve
        self._doing = doing
        self._limit_s = limit_s

    def of_machine(self, load: Load) -> tuple[Finding, ...]:
        """GPUs, CUDA, room and mount. Well under a second where all is well."""
        place = self._place
        at_gpus = Look("gpus", self._gpus) if place.promised else None
        at_room = Look("room", lambda: self._look_at_room(place.workspace))
        at_mount = Look("mount", lambda: mount.look(place.workspace)) if place.is_pod else None
        at_container = None if place.is_simulated else Look("container", self._of_container)
        here = at_room.within(self._limit_s)
        trouble = "" if at_room.error is None else str(at_room.error)
        found = [
            room.judge_workspace(
                here, load.checkpoint_bytes, is_network=place.has_network_volume, trouble=trouble
            )
        ]
        if at_container is not None:
            found += at_container.within(self._limit_s) or []
        if at_mount is not None:
            on = at_mount.within(self._limit_s if at_room.is_over else 0.0)  # one that hangs, hangs for both
            found.append(mount.judge(on, place.workspace, is_ephemeral=load.is_ephemeral))
        if at_gpus is not None:
            found += self._of_gpus(at_gpus)
        elif place.promised == 0 or (place.is_pod and not place.is_simulated):
            found.append(self._unpromised())
        return tuple(found)

    def of_names(self, load: Load, is_here: Callable[[], bool]) -> tuple[Finding, ...]:
        """DNS, tried several times. ``is_here``: whether the code has come meanwhile."""
        place = self._place
        wanted = names.needed(load.repo, place.environment, place.runpod_url)
        if place.is_simulated:  # the rest of its names are the host's affair
            wanted = tuple(name for name in wanted if name.is_code)
        looks = [(name, Look("name", partial(self._name, name, is_here))) for name in wanted]
        found = []
        for name, look in looks:
            error = look.within(names.LIMIT_S)
            told = "no answer" if error is None else error
            found.append(names.judge(name, told or None, must_fetch=load.must_fetch and not is_here()))
        return tuple(found)

    def _name(self, name: names.Name, is_here: Callable[[], bool]) -> str:
        """The error, "" for none."""
        return names.look(name, self._clock, self._resolve, lambda: name.is_code and is_here()) or ""

    def _of_container(self) -> list[Finding]:
        """The container's own disk and shared memory, which do not hang."""
        place = self._place
        try:
            disk = place.disk if place.disk.exists() else place.disk.parent
            on_disk = room.judge_container(self._look_at_room(disk))
            shared = room.judge_shared(self._look_at_room(place.shared)) if place.promised else FINE
        except OSError:
            return []
        return [on_disk, shared]

    def _of_gpus(self, look: Look[Gpus]) -> list[Finding]:
        place = self._place
        told = look.within(gpu_look.LIMIT_S + 1)
        if told is None:
            told = gpus.Gpus(fault=gpus.SILENT)
        if gpus.is_taken(told):
            told = self._once_free(told)
            self._doing(None)
        image = cuda.of_image(place.environment)
        versions = cuda.judge(image, told.cuda, compatible=cuda.has_compatibility(place.compatibility))
        seen = gpus.judge_visible(place.environment.get("CUDA_VISIBLE_DEVICES"), len(told.usable))
        count = gpus.judge_count(told, place.promised)
        return [count, gpus.judge_cuda(told), gpus.judge_memory(told), versions, seen]

    def _once_free(self, told: Gpus) -> Gpus:
        """A container that was here before may take some seconds to let go of the memory."""
        for _ in range(MEMORY_TRIES):
            if not gpus.is_taken(told):
                return told
            self._doing("waiting for GPU memory that others still hold")
            self._clock.sleep(MEMORY_PAUSE_S)
            again = Look("gpus", self._gpus).within(gpu_look.LIMIT_S + 1)
            told = gpus.Gpus(fault=gpus.SILENT) if again is None else again
        return told

    def _gpus(self) -> Gpus:
        return self._look_at_gpus(self._place)

    def _unpromised(self) -> Finding:
        place = self._place
        pod = Look("own-pod", self._own_pod).within(OWN_POD_S)
        has_gpu_type = None if pod is None else pod.gpu_id is not None
        if place.promised is None:
            if not has_gpu_type:
                return FINE
            told = Look("gpus", self._gpus).within(gpu_look.LIMIT_S + 1)
            if told is not None and (told.usable or told.fault == gpus.NO_BINDING):
                return FINE
        is_cuda_image = cuda.of_image(place.environment) is not None
        return gpus.judge_unpromised(has_gpu_type=has_gpu_type, is_cuda_image=is_cuda_image)


def _ask_driver(place: Place) -> Gpus:
    if place.pretended_gpus is not None:
        return gpus.pretended(place.pretended_gpus)
    told = gpu_look.look(place.environment, begins_cuda=place.begins_cuda)
    return gpu_look.of_amd(place.devices) or told if told.fault == gpus.NO_LIBRARY else told
