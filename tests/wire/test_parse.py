"""The one strict parse, from its three sources."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pod_wire.contract import VARIABLES
from pod_wire.errors import BadInput
from pod_wire.job import ExitPolicy, JobSpec
from pod_wire.parse import (
    PodValues,
    parse_body,
    parse_environment,
    parse_toml,
    to_environment,
)
from pod_wire.rules import default_restarts
from pod_wire.secrets import Secret
from pod_wire.texts import SIGNALS

JOB = {"POD_COMMAND": "python train.py", "POD_REPO": "https://example.org/me/digits.git"}


def _mistakes(parse, *given_):
    with pytest.raises(BadInput) as caught:
        parse(*given_)
    return {mistake.field: f"{mistake.problem}; {mistake.remedy}" for mistake in caught.value.mistakes}


def _mistakes_or_none(parse, given_):
    try:
        parse(given_)
    except BadInput as error:
        return error.mistakes
    return None


def test_a_plain_job_gets_the_defaults():
    """What is not said is as the contract's table has it."""
    parsed = parse_environment(JOB)
    assert parsed.warnings == ()
    assert parsed.pod == PodValues()
    spec = parsed.spec
    assert spec is not None
    assert spec == JobSpec(name=spec.name, command="python train.py", repo=JOB["POD_REPO"])


def test_no_command_is_no_job():
    """Without POD_COMMAND there is no job, and that is no mistake."""
    assert parse_environment({}).spec is None
    assert parse_environment({"POD_COMMAND": "  \n", "POD_IDLE_MINUTES": "5"}).spec is None


def test_a_repository_without_a_command_is_warned_about():
    """Who names code but no command is told that there is no job."""
    (warning,) = parse_environment({"POD_REPO": "https://example.org/x"}).warnings
    assert "POD_REPO" in warning
    assert "POD_COMMAND" in warning


def test_the_pod_s_own_values_come_along():
    """Port, token, workspace, URL, price and order are checked and handed over, the token hidden."""
    env = {
        "POD_TOKEN": "a-long-enough-token",
        "POD_PORT": "9001",
        "POD_WORKSPACE": "/data",
        "POD_RUNPOD_URL": "http://127.0.0.1:5/v2",
        "POD_PRICE": "0.34",
        "POD_ORDER": "0f3a",
    }
    pod = parse_environment(env).pod
    assert pod == PodValues(
        Secret("a-long-enough-token"), 9001, "/data", "http://127.0.0.1:5/v2", 0.34, "0f3a"
    )
    assert "long-enough" not in repr(pod)


def test_all_mistakes_come_at_once_and_none_shows_a_value():
    """One message names every field that is wrong, of the job and of the pod, and not one value."""
    env = {
        "POD_COMMAND": "python VALUE-a | tee x",
        "POD_RESUME": "--resume {checkpoint}",
        "POD_REPO": "https://me:VALUE-b@example.org/x",
        "POD_MAX_HOURS": "-3.14159",
        "POD_PORT": "VALUE-c",
        "POD_SIGNAL": "VALUE-d",
        "POD_COMAND": "VALUE-e",
        "POD_UPLOAD": "VALUE-f",
        "VENV_DIR": "VALUE-g",
        "HF_TOKEN": "{{ RUNPOD_SECRET_VALUE-h }}",
        "POD_ON_FINISH": "terminate",
    }
    with pytest.raises(BadInput) as caught:
        parse_environment(env)
    assert {mistake.field for mistake in caught.value.mistakes} == {*env} - {"POD_RESUME"}
    assert "VALUE" not in str(caught.value)
    assert "3.14159" not in str(caught.value)
    assert str(caught.value).startswith("cannot read the job of the environment: 10 settings are wrong")


def test_one_mistake_is_said_in_the_singular():
    """The message counts correctly."""
    with pytest.raises(BadInput, match="1 setting is wrong"):
        parse_environment({"POD_PORT": "x"})


def test_a_near_name_is_a_mistake_that_names_the_known_one():
    """A misspelt variable is never ignored."""
    said = _mistakes(parse_environment, {**JOB, "POD_MAX_HOUR": "3", "POD_JOBS": "x", "pod_fresh": "1"})
    assert "POD_MAX_HOURS" in said["POD_MAX_HOUR"]
    assert "POD_JOB?" in said["POD_JOBS"]
    assert "POD_FRESH" in said["pod_fresh"]


def test_an_unknown_name_is_a_warning():
    """A POD_* name that is near to none is warned about; other names are nobody's business."""
    parsed = parse_environment({**JOB, "POD_BANANA_SPLIT": "1", "BANANA": "1", "POD_RESUME_FROM": "/x"})
    (warning,) = parsed.warnings
    assert "POD_BANANA_SPLIT" in warning


@pytest.mark.parametrize("variable", [v for v in VARIABLES if not v.built], ids=lambda v: v.name)
def test_what_is_not_built_is_refused_by_name(variable):
    """A variable of the contract that does nothing yet is refused in all three sources, unless it is empty."""
    assert "not built yet" in _mistakes(parse_environment, {**JOB, variable.name: "1"})[variable.name]
    assert "not built yet" in _mistakes(parse_body, {"command": "x", variable.field: "1"})[variable.field]
    assert "not built yet" in _mistakes(parse_toml, f'command = "x"\n{variable.field} = "1"')[variable.field]
    assert parse_environment({**JOB, variable.name: ""}).spec is not None


def test_an_unreplaced_secret_is_reported_not_used():
    """A template that RunPod left standing is a mistake in any variable, and only once."""
    said = _mistakes(
        parse_environment,
        {**JOB, "POD_TOKEN": "{{ RUNPOD_SECRET_tok }}", "WANDB_API_KEY": "{{ RUNPOD_SECRET_w }}"},
    )
    assert set(said) == {"POD_TOKEN", "WANDB_API_KEY"}
    assert "not replaced" in said["POD_TOKEN"]


def test_exit_is_refused_on_runpod_only():
    """PID 1 must not exit where RunPod would restart it for ever."""
    env = {**JOB, "POD_ON_FINISH": "exit"}
    assert parse_environment(env).spec is not None
    assert "POD_ON_FINISH" in _mistakes(parse_environment, {**env, "RUNPOD_POD_ID": "abc"})
    assert parse_body({"command": "x", "on_failure": "exit"}).spec is not None
    with pytest.raises(BadInput):
        parse_body({"command": "x", "on_failure": "exit"}, on_runpod=True)


NAMES = st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,20}", fullmatch=True)
PATHS = st.from_regex(r"[a-z][a-z0-9]{0,5}(/[a-z0-9]{1,5}){0,2}", fullmatch=True)
WORDS = st.from_regex(r"[a-z][a-z0-9 =.'\"-]{0,20}[a-z0-9]", fullmatch=True)


@st.composite
def specs(draw):
    """Any job that the parse can give."""
    repo = draw(
        st.none() | st.sampled_from(["https://example.org/a/b.git", "git@example.org:a/b", "/srv/repo"])
    )
    resume = draw(st.sampled_from([None, "", "--resume {checkpoint}", "--go 'on'"]))
    ephemeral = draw(st.booleans())
    policies = st.sampled_from([p for p in ExitPolicy if ephemeral or p is not ExitPolicy.TERMINATE])
    command = draw(WORDS.map(lambda text: text.replace("'", "").replace('"', "")))
    return JobSpec(
        name=draw(NAMES),
        command=command + draw(st.sampled_from(["", " {resume} | tee x\n\ny #z"])) if resume else command,
        repo=repo,
        ref=draw(st.none() | PATHS) if repo else None,
        subdir=draw(st.just(".") | PATHS),
        resume=resume,
        checkpoints=draw(st.none() | PATHS.map(lambda path: path + "/*.pt")),
        fresh=draw(st.booleans()),
        requirements=draw(st.none() | st.just("") | PATHS),
        on_finish=draw(policies),
        on_failure=draw(policies),
        idle_minutes=draw(st.floats(0, 1e5)) + 0.0,
        max_hours=draw(st.none() | st.floats(0, 8000, exclude_min=True)),
        max_restarts=draw(st.just(default_restarts(resume)) | st.integers(0, 1000)),
        signal=draw(st.sampled_from(SIGNALS)),
        ephemeral=ephemeral,
        hold_minutes=draw(st.floats(0, 1e5)) + 0.0,
        progress=draw(st.none() | st.just(r"at (?P<step>\d+)") | WORDS),
        stall_minutes=draw(st.just(60.0) | st.floats(0, 1e5)) + 0.0,
    )


@settings(max_examples=50)
@given(specs())
def test_the_environment_gives_the_same_job_again(spec):
    """What is written into an environment is read from it as the same job, with the same hash."""
    env = to_environment(spec)
    assert len(env) <= 18
    again = parse_environment(env)
    assert again.spec == spec
    assert again.warnings == ()
    assert again.spec.spec_hash() == spec.spec_hash()


@settings(max_examples=50)
@given(specs())
def test_a_body_gives_the_same_job_as_an_environment(spec):
    """The three sources have one meaning: JSON and TOML of a job are read as its environment is."""
    fields = {name: getattr(spec, name) for name in JobSpec.__dataclass_fields__}
    body = {name: str(v) if isinstance(v, ExitPolicy) else v for name, v in fields.items() if v is not None}
    assert parse_body(json.loads(json.dumps(body))).spec == spec
    rest = {name: value for name, value in body.items() if name != "name"}
    lines = [f"{name} = {json.dumps(value)}" for name, value in rest.items()]
    table = f"[job.{json.dumps(spec.name)}]\n" + "\n".join(lines)
    assert parse_toml(table).spec == spec


@given(
    st.dictionaries(
        st.sampled_from([v.name for v in VARIABLES]) | st.text(max_size=12), st.text(max_size=30), max_size=8
    )
)
def test_no_environment_breaks_the_parse(env):
    """Whatever an environment holds, it is parsed or refused with mistakes; nothing else is ever raised."""
    assert _mistakes_or_none(parse_environment, env) != ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(st.sampled_from([v.field for v in VARIABLES]) | st.text(max_size=12), JSON, max_size=8)
)
def test_no_body_breaks_the_parse(body):
    """Whatever JSON a body holds, it is parsed or refused with mistakes; nothing else is ever raised."""
    assert _mistakes_or_none(parse_body, body) != ()


def test_a_body_needs_a_command():
    """A POST without a command is a mistake, not a job that does nothing."""
    assert "missing" in _mistakes(parse_body, {})["command"]
    assert "missing" in _mistakes(parse_body, {"command": " "})["command"]
    assert "must be text" in _mistakes(parse_body, {"command": 3})["command"]


def test_a_body_s_unknown_keys_are_mistakes():
    """A typed source has no room for strangers: near names are named, variables' names translated."""
    said = _mistakes(
        parse_body, {"command": "x", "comand": "y", "POD_REPO": "z", "token": "t", "q\n" * 99: 1}
    )
    assert "command?" in said["comand"]
    assert "repo" in said["POD_REPO"]
    assert "not a setting" in said["token"]
    assert all(len(field) <= 80 and "\n" not in field for field in said)


def test_a_default_name_comes_from_the_repository_and_the_command():
    """The same code and command have the same name; another command or folder has another."""
    first = parse_environment(JOB).spec
    assert first is not None
    assert first.name.startswith("digits-")
    assert first.name == parse_environment({**JOB, "POD_MAX_HOURS": "3"}).spec.name
    assert first.name != parse_environment({**JOB, "POD_SUBDIR": "x"}).spec.name
    assert first.name != parse_environment({**JOB, "POD_COMMAND": "python other.py"}).spec.name
