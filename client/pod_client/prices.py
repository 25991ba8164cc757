"""What a GPU costs by RunPod's catalogue, for the moment before a pod exists; afterwards the pod says its own price."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from pod_wire.errors import PodError

if TYPE_CHECKING:
    from pod_client.config import Config
    from pod_client.plan import Machine
    from pod_wire.runpod.transport import Transport


def list_price(config: Config, transport: Transport, gpu: str, machine: Machine) -> float | None:
    """Dollars per hour for all GPUs of the pod; None when the catalogue does not say."""
    headers = {"Accept": "application/json"}
    if config.api_key is not None:
        headers["Authorization"] = f"Bearer {config.api_key.reveal()}"
    url = f"{config.runpod_url}/catalog/gpus/{quote(gpu, safe='')}"
    try:
        answer = transport.send("GET", url, headers, None, 10.0)
        document = json.loads(answer.body)
        one = document["price"][machine.cloud.lower()]
        return float(one) * machine.count
    except (PodError, ValueError, KeyError, TypeError):
        return None
