"""What `up` would create: flags over pod.toml, all mistakes at once, limits counted before anything is made."""

from __future__ import annotations

import pytest

from pod_client.plan import Wishes, make_plan
from pod_client.user_env import hints, read_env_file, read_env_options, starred
from pod_wire.errors import BadInput

TOML = """
requirements = "r.txt"
[pod]
image = "img"
gpu = ["A", "B"]
disk_gb = 80
[job.small]
command = "python train.py"
resume = "--resume {checkpoint}"
[job.large]
command = "python train.py --large"
"""


def wishes(toml=None, job=None, *, contract=None, env=None, machine=None, is_local=False):
    return Wishes(job, toml, contract or {}, env or {}, machine or {}, is_local=is_local)


def test_flags_win_over_the_file():
    """The job comes from pod.toml, what a flag says from the flag."""
    plan = make_plan(wishes(TOML, "small", contract={"POD_MAX_HOURS": "2"}, machine={"disk_gb": 50}))
    assert plan.spec.command == "python train.py"
    assert (plan.spec.max_hours, plan.spec.max_restarts, plan.spec.requirements) == (2.0, 3, "r.txt")
    assert (plan.machine.image, plan.machine.gpus, plan.machine.disk_gb) == ("img", ("A", "B"), 50)


def test_a_command_of_ones_own_needs_no_job_of_the_file():
    """With --command the jobs of pod.toml are left alone, its [pod] table counts."""
    plan = make_plan(wishes(TOML, contract={"POD_COMMAND": "true"}))
    assert plan.spec.command == "true"
    assert plan.machine.image == "img"


def test_local_needs_neither_image_nor_gpu():
    """With --local a command is enough."""
    plan = make_plan(wishes(contract={"POD_COMMAND": "true"}, is_local=True))
    assert plan.machine.image == "local"


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (wishes(contract={"POD_COMMAND": "x"}), ("--image", "--gpu")),
        (wishes(TOML + "[pod2]\n", "small"), ("pod2",)),
        (wishes(TOML.replace("disk_gb", "dsik_gb"), "small"), ("disk_gb",)),
        (wishes(TOML, "small", env={"POD_TOKEN": "abcdefghijklmnop"}), ("POD_TOKEN",)),
        (wishes(TOML, "small", env={"RUNPOD_API_KEY": "x"}), ("another name",)),
        (wishes(TOML, "small", machine={"mount_gb": 5}), ("--mount",)),
        (wishes(TOML, "small", machine={"volume": "v", "cloud": "COMMUNITY"}), ("--volume",)),
        (wishes(TOML, "small", env={"POD_MAX_HUORS": "2"}), ("POD_MAX_HOURS",)),
        (wishes(None, "small"), ("pod.toml",)),
    ],
)
def test_mistakes_are_named_with_their_remedy(wrong, named):
    """Each mistake names the field and what to do."""
    with pytest.raises(BadInput) as caught:
        make_plan(wrong)
    said = str(caught.value)
    assert all(name in said for name in named)


def test_more_than_fifty_variables_are_refused_here():
    """RunPod allows fifty; they are counted before anything is created, ours included."""
    few = {f"V{number}": "1" for number in range(45)}
    make_plan(wishes(contract={"POD_COMMAND": "x"}, env=few, is_local=True))
    many = {f"V{number}": "1" for number in range(47)}
    with pytest.raises(BadInput, match="RunPod allows 50"):
        make_plan(wishes(contract={"POD_COMMAND": "x"}, env=many, is_local=True))


def test_runpods_secret_templates_are_passed_on():
    """RunPod fills them in; here they are text."""
    plan = make_plan(
        wishes(contract={"POD_COMMAND": "x"}, env={"HF_TOKEN": "{{ RUNPOD_SECRET_hf }}"}, is_local=True)
    )
    assert plan.environment("0" * 64, "o")["HF_TOKEN"] == "{{ RUNPOD_SECRET_hf }}"


def test_secrets_are_starred():
    """What is a secret by its name shows stars; MAX_TOKENS does not."""
    shown = starred({"HF_TOKEN": "hf_x", "MAX_TOKENS": "512", "POD_TOKEN": "sha256:ab"})
    assert shown == {"HF_TOKEN": "********", "MAX_TOKENS": "512", "POD_TOKEN": "********"}


def test_nothing_secret_is_passed_on_unasked():
    """A token that is set here is mentioned, and left here."""
    said = hints({}, {"HF_TOKEN": "hf_x"})
    assert len(said) == 1
    assert "--env HF_TOKEN" in said[0]
    assert hints({"HF_TOKEN": "hf_x"}, {"HF_TOKEN": "hf_x"}) == ()


def test_env_files_and_options():
    """NAME=VALUE lines with quotes, comments and export; NAME alone passes on one's own."""
    text = "# a comment\nexport A=1\nB='two words'\n\nC=\n"
    assert read_env_file(text, "f") == {"A": "1", "B": "two words", "C": ""}
    assert read_env_options(["A=1=2", "B"], {"B": "mine"}) == {"A": "1=2", "B": "mine"}
    with pytest.raises(BadInput, match="line 1") as caught:
        read_env_file("hf_secretvalue\n", "f")
    assert "hf_secretvalue" not in str(caught.value)
    with pytest.raises(BadInput, match="is not set here"):
        read_env_options(["NOPE"], {})
