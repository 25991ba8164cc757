"""Jobs of a pod.toml."""

import pytest

from pod_wire.errors import BadInput
from pod_wire.job import JobSpec
from pod_wire.parse import parse_toml, toml_job_names, toml_pod_table

TOML = """
repo = "https://example.org/me/digits.git"
idle_minutes = 5

[pod]
gpu = "RTX 4090"

[job.small]
command = "python train.py"
max_hours = 1

[job.large]
command = "python train.py --large"
idle_minutes = 0
"""


def test_toml_s_jobs_share_the_top_level():
    """A [job.NAME] table stands over the file's shared settings and gives the job its name."""
    spec = parse_toml(TOML, "large").spec
    assert spec == JobSpec(
        "large", "python train.py --large", "https://example.org/me/digits.git", idle_minutes=0.0
    )
    assert parse_toml(TOML, "small").spec.idle_minutes == 5.0
    assert toml_job_names(TOML) == ("small", "large")
    assert toml_pod_table(TOML) == {"gpu": "RTX 4090"}


def test_toml_without_tables_is_one_job():
    """A file with nothing but settings is a job with the default name."""
    spec = parse_toml('command = "python train.py"').spec
    assert spec is not None
    assert spec.name.startswith("job-")
    assert parse_toml("").spec is None


@pytest.mark.parametrize(
    ("text", "job", "said"),
    [
        (TOML, None, "name one of small, large"),
        (TOML, "smal", "did you mean small?"),
        (TOML, "other", "it has small, large"),
        ("command = 'x'", "other", "no [job.NAME]"),
        ("job = 3", None, "must be a table"),
        ("[job]\ncommand = 'x'", None, "must be a table"),
        ("= VALUE", None, "line 1"),
        ("[job.a]\nrepo = 'x'", "a", "command: is missing"),
        ("[job.a]\nname = 'b'\ncommand = 'x'", "a", "beside the table's own name"),
        ("[job.'a b']\ncommand = 'x'", None, "name: may hold"),
        ("[job.a]\ncommand = 'x'\nmax_hour = 3", None, "did you mean max_hours?"),
        ("[job.a]\ncommand = 'x'\nidle_minutes = '3'", None, "idle_minutes: must be a number"),
    ],
)
def test_toml_s_mistakes_are_said(text, job, said):
    """Each wrong pod.toml is refused in words that lead on."""
    with pytest.raises(BadInput) as caught:
        parse_toml(text, job)
    assert said in str(caught.value)
    assert "VALUE" not in str(caught.value)


def test_toml_s_pod_table_must_be_one():
    """pod = 3 is a mistake."""
    with pytest.raises(BadInput):
        toml_pod_table("pod = 3")
