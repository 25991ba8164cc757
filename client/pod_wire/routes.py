"""Names of the agent's HTTP routes and headers, and the versions both sides speak. Nothing acts here."""

from __future__ import annotations

API_VERSION = 1
FORMAT = 1  # of every JSON document kept or sent

HEADER_API = "Podkeep-Api"  # on every answer: proves that the agent answered, not a proxy in front of it
HEADER_LOG = "Podkeep-Log"  # the log's id; another id means another file, so offsets start again
HEADER_LOG_START = "Podkeep-Log-Start"  # the offset of the first byte of the answer's body
HEADER_LOG_END = "Podkeep-Log-End"  # the offset after the last servable byte; absent while following
HEADER_ORDER = "Podkeep-Order"  # a request's own order id, so that asking twice gives one order
HEADER_WANTS = "Podkeep-Wants"  # the sha256 of the agent that a pod waits for, which has none yet
HEADER_READER = "Podkeep-Reader"  # a client's own mark: the agent waits a moment for one that keeps asking
HEADER_TRACE = "Podkeep-Events-End"  # the journal's size in bytes

HEALTHZ = "/healthz"
STATUS = "/status"
JOBS = "/jobs"
LOGS = "/logs"
EVENTS = "/events"
METRICS = "/metrics"
CHECKPOINTS = "/checkpoints"
STOP = "/stop"
KEEP = "/keep"

DEFAULT_PORT = 8787
MAX_BODY_BYTES = 1 << 20  # of everything but a piece of a tree
MAX_PIECE_BYTES = 50_000_000  # what RunPod's proxy is known to let through at once
MAX_TREE_BYTES = 5 * 10**9
FOLLOW_SECONDS = 85.0  # a following answer ends itself before the proxy does at 100 s


def job(job_id: str) -> str:
    return f"{JOBS}/{job_id}"


def agent(digest: str) -> str:
    """Where a pod takes its agent, before it has one."""
    return f"/agent/{digest}"


def tree(digest: str) -> str:
    return f"/files/trees/{digest}"


def job_logs(job_id: str) -> str:
    return f"{JOBS}/{job_id}/logs"


def job_receipt(job_id: str) -> str:
    return f"{JOBS}/{job_id}/receipt"


def job_cancel(job_id: str) -> str:
    return f"{JOBS}/{job_id}/cancel"


def job_restart(job_id: str) -> str:
    return f"{JOBS}/{job_id}/restart"
