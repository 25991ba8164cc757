"""Memory and CPU of what is ours beside a running job, quiet and at 100 lines a second; supervisord at the same time.

``python bench/memory.py [SECONDS]``. PSS by ``smaps_rollup``; it is smaller the more other Python programs run on the
machine, so ``alone_mb`` counts each page that ours share among themselves once, and what others share with us in full.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import log_rivals
from measured import RUNS, free_port, median, program, say, wait_until
from pod import Pod
from runpod_api import RunPod

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping

SETTLE_S = 5.0
JOBS = {
    "quiet": "exec sleep 100000",
    "100 lines/s": """exec perl -MTime::HiRes=time,sleep -e '$| = 1; my $t = time;
while (1) { $t += 0.01; my $s = $t - time; sleep $s if $s > 0;
print "step 1234 loss 2.718 lr 3.0e-04 tokens/s 123456\n" }'""",
}


def pss_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"no PSS of process {pid}")


def alone_mb(pids: list[int]) -> float:
    """What they would take with nothing else on the machine: pages of a file once, the rest as it is."""
    files: dict[tuple[str, ...], int] = {}
    own = 0
    for pid in pids:
        area: tuple[str, ...] = ()
        for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
            words = line.split()
            if not words[0].endswith(":"):
                area = (words[3], words[4], words[2])  # device, inode, offset
            elif words[0] == "Rss:":
                rss = int(words[1])
            elif words[0] in {"Private_Clean:", "Private_Dirty:"} and (
                words[0] == "Private_Dirty:" or area[1] == "0"
            ):
                own += int(words[1])
                rss -= int(words[1])
            elif words[0] == "VmFlags:" and area[1] != "0":
                files[area] = max(files.get(area, 0), rss)
    return (own + sum(files.values())) / 1024


def cpu_s(pid: int) -> float:
    """Seconds of CPU so far, of all threads, by the scheduler's own count."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def measure(pids: Mapping[str, int], seconds: float) -> dict[str, float]:
    """One life, settled."""
    time.sleep(SETTLE_S)
    every = list(pids.values())
    began, before = time.monotonic(), {name: cpu_s(pid) for name, pid in pids.items()}
    time.sleep(seconds)
    per_second = 100 / (time.monotonic() - began)
    cpu = {name: (cpu_s(pid) - before[name]) * per_second for name, pid in pids.items()}
    pss = {name: pss_mb(pid) for name, pid in pids.items()}
    sums = {"pss_mb": sum(pss.values()), "alone_mb": alone_mb(every), "cpu_percent": sum(cpu.values())}
    return (
        sums
        | {f"{name}_mb": value for name, value in pss.items()}
        | {f"{name}_percent": value for name, value in cpu.items()}
    )


def ours(folder: Path, job: str, seconds: float) -> dict[str, float]:
    with RunPod.listening() as runpod, Pod(folder, JOBS[job], **runpod.environment) as pod:
        pod.start()
        wait_until("the job runs", lambda: pod.phase() == "running")
        return measure(pod.parts, seconds)


@contextlib.contextmanager
def supervised(folder: Path, command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Supervisord as a person would run it beside a job: log kept, its HTTP face open."""
    script = folder / "job.sh"
    script.write_text(command)
    config = folder / "supervisor.conf"
    config.write_text(
        f"[supervisord]\nnodaemon=true\nlogfile={folder}/s.log\npidfile={folder}/s.pid\n"
        f"[inet_http_server]\nport=127.0.0.1:{free_port()}\n"
        "[rpcinterface:supervisor]\n"
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
        f"[program:job]\ncommand=bash {script}\ndirectory={folder}\nautorestart=true\n"
        f"stdout_logfile={folder}/job.log\nstdout_logfile_maxbytes=0\nredirect_stderr=true\n"
        "stopasgroup=true\nkillasgroup=true\n"
    )
    quiet = {"stdout": os.open(os.devnull, os.O_WRONLY), "stderr": os.open(os.devnull, os.O_WRONLY)}
    with program(["supervisord", "-c", str(config)], **quiet) as running:
        wait_until("supervisord runs the job", (folder / "job.log").exists)
        yield running


def supervisord(folder: Path, job: str, seconds: float) -> dict[str, float]:
    with supervised(folder, JOBS[job]) as running:
        return measure({"supervisord": running.pid}, seconds)


def main(seconds: float = 20.0) -> None:
    contenders = {"podkeep": ours, "supervisord": supervisord}
    if reason := log_rivals.lacking("supervisor"):
        say("memory", "supervisord", skipped=reason)
        del contenders["supervisord"]
    for job in JOBS:
        runs: dict[str, list[dict[str, float]]] = {who: [] for who in contenders}
        for _ in range(RUNS):
            with ThreadPoolExecutor() as pool, tempfile.TemporaryDirectory() as name:
                under_way = {}
                for who, deed in contenders.items():
                    folder = Path(name, who)
                    folder.mkdir()
                    under_way[who] = pool.submit(deed, folder, job, seconds)
                for who, future in under_way.items():
                    runs[who].append(future.result())
        for who, found in runs.items():
            figures = {name: round(median([run[name] for run in found]), 3) for name in found[0]}
            say("memory", who, job=job, **figures, seconds=seconds, runs=RUNS)


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
