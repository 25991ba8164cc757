"""What RunPod's catalogue says before a pod exists: what a GPU costs, and whether there is such a GPU at all.

Afterwards the pod says its own price. A catalogue that does not answer is no error.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from pod_wire.codec import from_json
from pod_wire.errors import PodError
from pod_wire.frozen import dataclass
from pod_wire.near import nearest

if TYPE_CHECKING:
    from pod_client.config import Config
    from pod_client.plan import Machine
    from pod_wire.runpod.transport import Transport


@dataclass(frozen=True, slots=True)
class _Gpu:
    id: str


@dataclass(frozen=True, slots=True)
class _Catalogue:
    gpus: tuple[_Gpu, ...]


def list_price(config: Config, transport: Transport, gpu: str, machine: Machine) -> float | None:
    """Dollars per hour for all GPUs of the pod; None when the catalogue does not say."""
    try:
        document = json.loads(_ask(config, transport, f"gpus/{quote(gpu, safe='')}"))
        one = document["price"][machine.cloud.lower()]
        return float(one) * machine.count
    except (PodError, ValueError, KeyError, TypeError):
        return None


def no_such_gpu(config: Config, transport: Transport, asked: tuple[str, ...]) -> str | None:
    """What may have been meant, where the catalogue has none of these; None where it has one, or does not say."""
    try:
        known = [gpu.id for gpu in from_json(_Catalogue, _ask(config, transport, "gpus")).gpus]
    except PodError:
        return None
    if not known or any(gpu in known for gpu in asked):
        return None
    meant = [gpu for gpu in known if asked[0].lower() in gpu.lower()]
    meant += [gpu for gpu in [nearest(asked[0], known)] if gpu is not None and gpu not in meant]
    return f"did you mean {' or '.join(meant[:3])}?" if meant else f"one that it has: {known[0]}"


def _ask(config: Config, transport: Transport, what: str) -> bytes:
    headers = {"Accept": "application/json"}
    if config.api_key is not None:
        headers["Authorization"] = f"Bearer {config.api_key.reveal()}"
    return transport.send("GET", f"{config.runpod_url}/catalog/{what}", headers, None, 10.0).body
