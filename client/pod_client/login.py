"""`pod-client ssh`: which ssh command leads into a pod, from RunPod's own words; then that command and nothing more.

Not here: keys, which are ssh's business, and what a login finds on the pod.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

from pod_client.ending import find
from pod_client.exits import DONE
from pod_wire.errors import Conflict, NotFound, PodError

if TYPE_CHECKING:
    from pod_client.wiring import Target, Wiring
    from pod_wire.runpod.models import Pod, SshPlace

SIGNALLED = 128  # and the signal's number, as shells say it
SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")  # nothing that ssh could take for an option


def ssh(wiring: Wiring, target: Target, words: tuple[str, ...], *, printed: bool) -> int:
    """Run it, or say it. The exit code is ssh's own."""
    pod = find(wiring.pods(target.config), target.pod_id)
    if pod is None:
        raise NotFound(
            f"cannot log in to pod {target.pod_id}: RunPod does not know it", "pod-client ps lists yours"
        )
    argv = command(pod, words)
    if printed:
        wiring.screen.page(f"{shlex.join(argv)}\n")
        return DONE
    if shutil.which("ssh") is None:
        raise PodError("cannot log in: there is no ssh on this machine", "install OpenSSH's client")
    code = subprocess.run(argv, check=False).returncode
    return code if code >= 0 else SIGNALLED - code


def command(pod: Pod, words: tuple[str, ...]) -> tuple[str, ...]:
    """The direct port where there is one; else RunPod's gateway, which takes no command. Raises Conflict."""
    if pod.status != "RUNNING":
        raise Conflict(
            f"cannot log in to pod {pod.id}: it is {pod.status.lower()}", f"pod-client start {pod.id}"
        )
    if pod.ssh_direct is not None and _is_safe(pod.ssh_direct):
        alias = (
            f"HostKeyAlias=podkeep-{pod.id}"  # address and port are new after each start, the host key is not
        )
        return ("ssh", "-o", alias, "-p", str(pod.ssh_direct.port), _address(pod.ssh_direct), *words)
    if pod.ssh_proxy is None or not _is_safe(pod.ssh_proxy):
        raise Conflict(
            f"cannot log in to pod {pod.id}: RunPod names no way in",
            "has it just started? else: expose 22/tcp, and give it a PUBLIC_KEY",
        )
    if words:
        raise Conflict(
            f"cannot run a command on pod {pod.id} over ssh: only RunPod's gateway leads there, which gives a terminal",
            "expose 22/tcp; or pass commands on: ssh -tt … < commands",
        )
    return ("ssh", "-p", str(pod.ssh_proxy.port), _address(pod.ssh_proxy))


def _address(place: SshPlace) -> str:
    return f"{place.user}@{place.host}"


def _is_safe(place: SshPlace) -> bool:
    return bool(SAFE.fullmatch(place.host) and SAFE.fullmatch(place.user)) and 0 < place.port < 1 << 16
