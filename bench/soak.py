"""Ten minutes of a real agent beside a small training, looked at every quarter of a minute; writes soak.md.

``python bench/soak.py [--minutes M] [--steps-per-second N] [--out FILE]``. Eight pretended GPUs are watched, /metrics
is scraped every 15 seconds (by Prometheus, where there is one), /status is read every five, and supervisord does what
it does beside the same training.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

import log_rivals
import report
import soak_look
import soak_page
from measured import free_port, program, wait_until
from memory import pss_mb, supervised
from pod import TOKEN, Pod
from runpod_api import RunPod

from tests.fakes import nvml, nvml_replay

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

HERE = Path(__file__).resolve().parent
EVERY_S, STATUS_S, SCRAPE_S = 15.0, 5.0, 15
GPUS = 8
PROMETHEUS = f"""
scrape_configs:
  - job_name: podkeep
    scrape_interval: {SCRAPE_S}s
    authorization: {{{{credentials: {TOKEN}}}}}
    static_configs: [{{{{targets: ["127.0.0.1:{{port}}"]}}}}]
"""


class Driver:
    """A driver with eight GPUs, for whoever has its environment; none where they cannot be pretended here."""

    def __init__(self, folder: Path) -> None:
        self._driver = None
        self.environment = {}
        if shutil.which("gcc") is not None:
            self._driver = nvml.FakeDriver(nvml.compile_in(folder / "library"), folder / "driver")
            self.environment = {**self._driver.environment, "RUNPOD_GPU_COUNT": str(GPUS)}
        self.say("idle")  # a GPU whose memory is taken would be waited for

    def say(self, recording: str) -> None:
        if self._driver is not None:
            (gpu,) = nvml_replay.RECORDINGS[recording]["seconds"][0]["gpus"]
            self._driver.say(*nvml_replay.facts({"gpus": [gpu] * GPUS}))


@contextlib.contextmanager
def every(seconds: float, deed: Callable[[], object]) -> Iterator[None]:
    """In a thread of ours, until the end."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(seconds):
            with contextlib.suppress(OSError):
                deed()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextlib.contextmanager
def scraped(folder: Path, pod: Pod) -> Iterator[str]:
    """Who scrapes, in words."""
    if shutil.which("prometheus") is None:
        with every(SCRAPE_S, lambda: pod.get("/metrics")):
            yield "a program of ours, as this machine has no Prometheus"
        return
    config, port = folder / "prometheus.yml", free_port()
    config.write_text(PROMETHEUS.format(port=pod.url.rpartition(":")[2]))
    argv = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    with (folder / "prometheus.log").open("wb") as said:
        address = f"--web.listen-address=127.0.0.1:{port}"
        with program([*argv, address], stdout=said, stderr=said):
            yield "Prometheus"


def run(folder: Path, minutes: float, per_second: float) -> tuple[dict[str, str], list[soak_page.Look]]:
    driver, lacks, commit = Driver(folder), log_rivals.lacking("supervisor"), report.commit()
    words = [sys.executable, str(HERE / "soak_training.py"), "out", f"{per_second:g}"]
    command = f"exec {shlex.join(words)}"
    compile_all(folder, command, driver)
    rival = contextlib.nullcontext() if lacks else supervised(made(folder / "rival"), command)
    with (
        RunPod.listening() as runpod,
        Pod(made(folder / "pod"), command, **runpod.environment, **driver.environment) as pod,
        rival as other,
    ):
        began = pod.start()
        wait_until("the job runs", lambda: pod.phase() == "running", 60)
        driver.say("training")
        with scraped(folder, pod) as scraper, every(STATUS_S, lambda: pod.get("/status")):
            looks = list(looked(pod, other, began, minutes))
        facts = {
            "commit": f"`{commit}`, {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime(began))}",
            "machine": f"{report.machine()}; load average {min(loads := [one.load for one in looks]):.1f} "
            f"to {max(loads):.1f} by whatever else ran",
            "job": f"{per_second:g} steps a second, a line and most of a bar each, "
            f"{len(list(pod.workspace.glob('**/checkpoint-*')))} checkpoints; {seen(pod)}",
            "asked": f"/metrics every {SCRAPE_S} s by {scraper}, /status every {STATUS_S:g} s",
        }
    return facts | ({"supervisord": lacks} if lacks else {}), looks


def compile_all(folder: Path, command: str, driver: Driver) -> None:
    """A pod before, as nothing of a fresh checkout is compiled yet; what the image holds is."""
    with (
        RunPod.listening() as runpod,
        Pod(made(folder / "before"), command, **runpod.environment, **driver.environment) as pod,
    ):
        pod.start()
        wait_until("a first job runs", lambda: pod.phase() == "running", 60)
        pod.get("/metrics")


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def seen(pod: Pod) -> str:
    """What the agent knew at the end: that all of it was at work."""
    status = json.loads(pod.get("/status"))
    progress, checkpoint = status["progress"] or {}, status["job"]["checkpoint"] or {}
    return (
        f"at the end the agent knew {len(status['gpus'] or ())} GPUs, step {progress.get('step')} "
        f"and the checkpoint of step {checkpoint.get('step')}"
    )


def looked(
    pod: Pod, other: subprocess.Popen[bytes] | None, began: float, minutes: float
) -> Iterator[soak_page.Look]:
    """Every quarter of a minute since the entrypoint's start."""
    start = time.monotonic() - (time.time() - began)
    count = max(1, round(minutes * 60 / EVERY_S))
    for number in range(1, count + 1):
        time.sleep(max(0.0, start + number * EVERY_S - time.monotonic()))
        at, found = time.monotonic() - start, soak_look.look(pod.parts)
        rival = {}
        if other is not None:
            rival = {"cpu_s": soak_look.used_s(other.pid, reaped=False), "pss_mb": pss_mb(other.pid)}
        yield soak_page.Look(at, found["cpu_s"], found["pss_mb"], rival, os.getloadavg()[0])


def main() -> int:
    wanted = argparse.ArgumentParser(description="Ten minutes beside a training; writes soak.md.")
    wanted.add_argument("--minutes", type=float, default=10.0)
    wanted.add_argument("--steps-per-second", type=float, default=10.0)
    wanted.add_argument("--out", type=Path, default=HERE / "soak.md")
    given = wanted.parse_args()
    with tempfile.TemporaryDirectory(prefix="podkeep-soak-") as name:
        facts, looks = run(Path(name), given.minutes, given.steps_per_second)
    given.out.write_text(soak_page.page(facts, looks))
    print(given.out.read_text())
    return 0 if soak_page.judge(looks).is_met else 1


if __name__ == "__main__":
    sys.exit(main())
