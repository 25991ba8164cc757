"""The real agent as a program, less patient with its job: what takes minutes on a pod takes seconds here."""

from __future__ import annotations

from pod_agent.__main__ import main
from pod_agent.run.attempt_plan import Patience

if __name__ == "__main__":
    main(patience=Patience(grace_s=1.5, leftover_s=1.5, full_s=1.5))
