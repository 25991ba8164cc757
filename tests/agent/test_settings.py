"""What the agent reads from outside: the environment and the start command, once, into frozen values."""

from __future__ import annotations

import pytest

from pod_agent.invocation import understand
from pod_agent.pod.marks import token
from pod_agent.settings import RUNPOD_URL, Settings, unfit_job
from pod_wire.job import ExitPolicy

POD = {
    "RUNPOD_POD_ID": "pod-a",
    "RUNPOD_API_KEY": "rpa_key_of_the_pod",
    "RUNPOD_POD_HOSTNAME": "pod-a-1234",
    "RUNPOD_GPU_COUNT": "2",
    "RUNPOD_TCP_PORT_8080": "1002",
    "RUNPOD_TCP_PORT_22": "1001",
    "PATH": "/bin",
}


def test_the_pod_s_facts_are_read():
    """Id, key, host, ports and GPUs come from RunPod's variables."""
    read = Settings.from_env(POD)
    assert (read.pod_id, read.hostname, read.gpu_count) == ("pod-a", "pod-a-1234", 2)
    assert read.tcp_ports == ("22=1001", "8080=1002")
    assert read.api_key is not None
    assert read.api_key.reveal() == "rpa_key_of_the_pod"
    assert "rpa_key" not in repr(read.api_key)
    assert read.job is None
    assert read.graphql_url == "https://api.runpod.io/graphql"


def test_a_job_comes_from_its_variables():
    """POD_COMMAND and its companions make a spec; the pod's own tokens do not reach the job."""
    read = Settings.from_env({**POD, "POD_COMMAND": "python train.py", "POD_JOB": "j", "POD_TOKEN": "t" * 20})
    assert read.job is not None
    assert (read.job.name, read.job.command) == ("j", "python train.py")
    assert "RUNPOD_API_KEY" not in read.job_environment
    assert "POD_TOKEN" not in read.job_environment
    assert read.job_environment["PATH"] == "/bin"


def test_mistakes_make_a_job_that_fails():
    """All mistakes are kept, the job keeps its name and its policy, and the pod's facts their defaults."""
    env = {
        **POD,
        "POD_COMMAND": "x",
        "POD_JOB": "j",
        "POD_MAX_HOURS": "-1",
        "POD_PORT": "many",
        "POD_COMAND": "y",
    }
    read = Settings.from_env(env | {"POD_ON_FAILURE": "keep"})
    assert read.mistakes is not None
    assert len(read.mistakes.mistakes) == 3
    assert read.job is not None
    assert (read.job.name, read.job.on_failure) == ("j", ExitPolicy.KEEP)
    assert read.port == 8787
    assert "many" not in str(read.mistakes)


@pytest.mark.parametrize(
    "url", ["api.runpod.io/v2", "http://[oops/v2", "ftp://x/v2", "https://x:port/v2", ""]
)
def test_an_address_that_is_none_is_runpods_own(url):
    """The pod must be able to stop itself though its settings are wrong."""
    read = Settings.from_env({**POD, "POD_RUNPOD_URL": url})
    assert (read.runpod_url, read.graphql_url) == (RUNPOD_URL, "https://api.runpod.io/graphql")


@pytest.mark.parametrize("value", ["1e308", "inf", "nan", "-1", "many"])
def test_idle_minutes_that_cannot_be_are_fifteen(value):
    """A pod whose settings are wrong and whose policy is keep still stops when idle, and its status can be written."""
    read = Settings.from_env({**POD, "POD_COMMAND": "x", "POD_IDLE_MINUTES": value, "POD_PRICE": value})
    assert read.mistakes is not None
    assert read.job is not None
    assert (read.idle_minutes, read.job.idle_minutes, read.price) == (15.0, 15.0, None)


def test_an_unreadable_policy_is_stop():
    """When it is not even clear what failure should do, the pod stops."""
    assert unfit_job({"POD_ON_FAILURE": "terminate"}).on_failure is ExitPolicy.STOP
    assert unfit_job({"POD_ON_FAILURE": "?"}).on_failure is ExitPolicy.STOP
    assert unfit_job({"POD_JOB": "../../etc"}).name == "unnamed"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["sleep", "infinity"],
        ["/start.sh"],
        ["bash", "-c", "sleep infinity"],
        ["bash", "/start.sh"],
        ["bash", "-c", "/start.sh"],
    ],
)
def test_waiting_start_commands(words):
    """No start command, sleeping for ever and the base image's script ask for no job."""
    assert understand(words).overlay is None


def test_any_other_start_command_is_a_job():
    """Words are kept apart, whatever is in them."""
    assert understand(["python", "train.py", "--name", "a b"]).overlay == {
        "POD_COMMAND": "python train.py --name 'a b'"
    }
    assert understand(["bash", "-c", "./start.sh --train"]).overlay is not None
    assert understand(["sleep", "60"]).overlay == {"POD_COMMAND": "sleep 60"}


def test_run_takes_options_for_the_contract_s_fields():
    """`pod-agent run --repo R --resume '…' -- cmd` is the same as the variables."""
    asked = understand(
        ["run", "--repo", "https://x/r.git", "--resume=--from {checkpoint}", "--", "python", "t.py"]
    )
    assert asked.overlay == {
        "POD_REPO": "https://x/r.git",
        "POD_RESUME": "--from {checkpoint}",
        "POD_COMMAND": "python t.py",
    }


@pytest.mark.parametrize(
    "words", [["run"], ["run", "--repo"], ["run", "--color", "x", "--", "y"], ["run", "--"]]
)
def test_a_wrong_start_command_is_a_mistake_of_the_job(words):
    """It is not a crash: the job ends failed, naming what is wrong."""
    read = Settings.from_env(POD, understand(words))
    assert read.mistakes is not None
    assert read.job is not None


def test_the_start_command_wins_over_the_environment():
    """Who names a command on the spot means it."""
    read = Settings.from_env({**POD, "POD_COMMAND": "python a.py"}, understand(["python", "b.py"]))
    assert read.job is not None
    assert read.job.command == "python b.py"


def test_hidden_options_say_where_things_lie(tmp_path):
    """The folders of the run and of the container's disk can be moved, for tests and for other machines."""
    asked = understand(["--run-dir", "/r", "--disk-dir", "/d", "echo", "hi"])
    assert (str(asked.run_dir), str(asked.disk_dir)) == ("/r", "/d")
    assert asked.overlay == {"POD_COMMAND": "echo hi"}
    assert str(understand([], "/elsewhere").run_dir) == "/elsewhere"


def test_a_token_is_made_once_and_readable_by_us_alone(tmp_path):
    """Without POD_TOKEN the agent makes one, keeps it for ssh to read, and keeps to it."""
    read = Settings(disk_dir=tmp_path / "podkeep")
    made = token(read).reveal()
    assert len(made) >= 32
    assert token(read).reveal() == made
    assert (tmp_path / "podkeep" / "token").stat().st_mode & 0o777 == 0o600


def test_an_empty_token_file_lets_nobody_in(tmp_path):
    """A file that was cut off is replaced by a new token; one that cannot be written is in memory only."""
    (tmp_path / "token").write_text("")
    made = token(Settings(disk_dir=tmp_path)).reveal()
    assert len(made) >= 32
    assert token(Settings(disk_dir=tmp_path)).reveal() == made
    (tmp_path / "file").write_text("")
    assert len(token(Settings(disk_dir=tmp_path / "file" / "below")).reveal()) >= 32


@pytest.mark.parametrize("value", ["many", "70000", "-1", "²", "9" * 5000])
def test_numbers_that_are_none_do_not_keep_the_agent_from_starting(value):
    """Python refuses to read a number of thousands of digits: it is a mistake like any other, and the port is ours."""
    read = Settings.from_env({**POD, "POD_COMMAND": "x", "POD_PORT": value, "RUNPOD_GPU_COUNT": "9" * 5000})
    assert read.mistakes is not None
    assert (read.port, read.gpu_count) == (8787, None)
