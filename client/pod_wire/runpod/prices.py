"""What RunPod asks for storage, as published on its pricing page in 2026. GPUs' prices come from the API.

Not here: what a pod has, and what follows.
"""

from __future__ import annotations

from typing import Final

STOPPED_GB_MONTH: Final = 0.20  # dollars for the disk of a stopped pod; a running one's is half of it
MONTH_DAYS: Final = 365.25 / 12


def stopped_disk(size_gb: float, days: float) -> float:
    """Dollars for so many days of a stopped pod with a disk of its own. Its container's disk costs nothing then."""
    return size_gb * STOPPED_GB_MONTH * days / MONTH_DAYS
