"""Which services there are beside the job: one table. A new one is a row here, and nothing else of the agent knows it.

Not here: how they are looked after (``services_care``), nor what each of them is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.pod.services_care import Services
from pod_agent.pod.sshd import Sshd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pod_agent.pod.services import Service
    from pod_agent.settings import Settings
    from pod_wire.clock import Clock
    from pod_wire.status import ServiceStatus, Status

FOLDER = "services"  # below the run folder


def begin(
    settings: Settings,
    clock: Clock,
    *,
    status: Callable[[], Status],
    job: Callable[[], tuple[Path, Mapping[str, str] | None] | None],
    warn: Callable[[str], None],
    tell: Callable[[tuple[ServiceStatus, ...]], None],
) -> Services:
    """All of them, each in a thread of its own."""
    table: tuple[Service, ...] = (Sshd(settings, clock, status=status, job=job, warn=warn),)
    services = Services(settings.run_dir / FOLDER, clock, tell)
    services.start(table)
    return services
