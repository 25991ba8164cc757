"""A real agent with recorded GPUs, scraped by a real Prometheus: promtool is content, and a query has our value."""

from __future__ import annotations

import json
import shutil
import subprocess
from contextlib import suppress
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from pod_agent.api.metrics import render
from tests.agent.agent_process import TOKEN, AgentProcess, free_port, is_alive
from tests.agent.machine_samples import EMPTY, FULL, STATUS
from tests.fakes.nvml_replay import Replay
from tests.live import wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("prometheus") is None or shutil.which("promtool") is None,
        reason="needs prometheus and promtool: apt-get install prometheus",
    ),
]
CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: podkeep
    authorization: {{credentials: {token}}}
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


@pytest.fixture
def pod(driver, tmp_path):
    """An agent with a training that goes on, and a GPU that was free before and is busy now."""
    Replay(driver, "idle")
    agent = AgentProcess(tmp_path, POD_COMMAND="exec sleep 600", RUNPOD_GPU_COUNT="1", **driver.environment)
    agent.start().until("the training", lambda status: status["phase"] == "running")
    Replay(driver, "training")
    yield agent
    agent.close()


@pytest.fixture
def prometheus(pod, tmp_path):
    """Its address; it asks the agent each second."""
    config = tmp_path / "prometheus.yml"
    config.write_text(CONFIG.format(token=TOKEN, port=pod.port))
    port = free_port()
    argv = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'tsdb'}"]
    with (tmp_path / "prometheus.log").open("wb") as said:
        running = subprocess.Popen(
            [*argv, f"--web.listen-address=127.0.0.1:{port}"], stdout=said, stderr=said
        )
    yield f"http://127.0.0.1:{port}"
    running.terminate()
    running.wait(60)


def answer(address, query):
    """The value of the only series that a query finds, once there is one."""

    def asked():
        with suppress(URLError, ConnectionError, TimeoutError):
            with urlopen(f"{address}/api/v1/query?query={quote(query)}", timeout=10) as said:
                found = json.load(said)["data"]["result"]
            return [float(series["value"][1]) for series in found]
        return None

    (value,) = wait_for(f"{query} has a value", asked)
    return value


def test_promtool_has_nothing_to_say():
    """Of a machine of which all is known, of one of which nothing is, and before the first look."""
    for sample in (FULL, EMPTY, None):
        said = subprocess.run(
            ["promtool", "check", "metrics"], input=render(STATUS, sample), capture_output=True, check=False
        )
        assert (said.returncode, said.stdout, said.stderr) == (0, b"", b"")


def test_a_real_prometheus_answers_with_our_figures(pod, prometheus):
    """GPU, container, disk and job, through the token; the scrape itself is well."""
    assert answer(prometheus, "podkeep_gpu_utilization_ratio > 0.5") == 0.97
    assert answer(prometheus, "podkeep_gpu_power_watts / podkeep_gpu_power_limit_watts") == pytest.approx(
        0.926, abs=1e-3
    )
    assert answer(prometheus, 'up{job="podkeep"} == 1') == 1
    assert answer(prometheus, 'podkeep_phase{phase="running"} == 1') == 1
    assert answer(prometheus, 'podkeep_disk_free_bytes{disk="workspace"}') > 0
    assert answer(prometheus, "time() - podkeep_sample_timestamp_seconds < 30") < 30
    assert answer(prometheus, "podkeep_job_attempts") == 1
    assert pod.status()["gpus"][0]["utilization"] == 0.97


def test_the_driver_is_asked_by_a_child_that_goes_with_its_agent(pod, driver):
    """One watcher, whose end costs the agent nothing; killed with its agent, it is gone as well."""
    pod.until("a GPU in the status", lambda status: status["gpus"])
    (child,) = wait_for("a watcher", lambda: watchers(pod.process.pid))
    pod.kill()
    wait_for("it is gone", lambda: not is_alive(child))


def watchers(agent):
    listed = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(agent)], capture_output=True, text=True, check=False
    )
    return [int(line.split()[0]) for line in listed.stdout.splitlines() if "nvml.py watch" in line]
