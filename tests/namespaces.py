"""Says, before anything else does, whether process pods can be made on this machine, and if not, what to run."""

from __future__ import annotations

import sys

from pod_sim.backends.host import find_unshare
from pod_wire.errors import PodError

if __name__ == "__main__":
    try:
        find_unshare()
    except PodError as error:
        sys.exit(f"{error.message}; {error.hint}")
