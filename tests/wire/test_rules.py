"""The rules between fields."""

import pytest

from pod_wire.errors import BadInput
from pod_wire.parse import parse_body, parse_environment
from pod_wire.rules import default_name, default_restarts


def _said(**body):
    with pytest.raises(BadInput) as caught:
        parse_body(body)
    return str(caught.value)


RESUME = "--resume {checkpoint}"


@pytest.mark.parametrize("command", ["a | b", "a; b", "a && b", "a & b", "a # b", "a\nb"])
def test_a_compound_command_must_say_where_to_resume(command):
    """With an unquoted |, ;, &, # or line end the command's end is not where the resume text belongs."""
    assert "{resume}" in _said(command=command, resume=RESUME)
    assert parse_body({"command": command}).spec is not None
    assert parse_body({"command": command, "resume": ""}).spec is not None
    assert parse_body({"command": command.replace("a", "a {resume}"), "resume": RESUME}).spec is not None


@pytest.mark.parametrize("command", ["python 'a | b'", "python a\\;b", 'python "a # b"', "python \\\n --x"])
def test_a_quoted_sign_is_no_sign(command):
    """Inside quotes the characters mean nothing, so the text may be added at the end."""
    assert parse_body({"command": command, "resume": RESUME}).spec is not None


@pytest.mark.parametrize("command", ["python 'a", "python a\\"])
def test_nothing_is_added_to_an_open_end(command):
    """A command that ends inside a quotation cannot take the resume text at its end."""
    assert "{resume}" in _said(command=command, resume=RESUME)


def test_a_mark_without_a_way_to_resume_is_a_mistake():
    """{resume} in the command asks for a resume setting."""
    assert "no resume" in _said(command="python x {resume}")


def test_the_checkpoint_s_mark_belongs_into_resume():
    """{checkpoint} in the command would reach bash as it is."""
    assert "{checkpoint}" in _said(command="python x {checkpoint}", resume="")


def test_marks_inside_resume_are_held_to_the_known_one():
    """A misspelt {checkpoint}, or a {resume} inside the resume text, is a mistake; other braces are the shell's."""
    assert "nearly {checkpoint}" in _said(command="x", resume="--r {chekpoint}")
    assert "{resume}" in _said(command="x", resume="--r {resume}")
    assert parse_body({"command": "x", "resume": "--r {a,b} {epoch}"}).spec is not None


def test_restarts_follow_the_way_to_resume():
    """Three restarts where there is a way to resume, also an empty one; none where all would begin anew."""
    assert default_restarts(None) == 0
    assert default_restarts("") == default_restarts(RESUME) == 3
    assert parse_body({"command": "x", "resume": ""}).spec.max_restarts == 3
    assert parse_body({"command": "x", "resume": "", "max_restarts": 0}).spec.max_restarts == 0
    assert parse_body({"command": "x", "max_restarts": 2}).spec.max_restarts == 2


@pytest.mark.parametrize("field", ["on_finish", "on_failure"])
def test_terminate_needs_leave_to_lose_everything(field):
    """As nothing uploads yet, terminate is a mistake unless the job is ephemeral."""
    assert "ephemeral" in _said(command="x", **{field: "terminate"})
    assert parse_body({"command": "x", field: "terminate", "ephemeral": True}).spec is not None


def test_a_ref_needs_a_repository():
    """A branch of nothing is a mistake; of a repository that is itself wrong, only the latter is said."""
    assert "ref: needs repo" in _said(command="x", ref="main")
    assert "ref" not in _said(command="x", ref="main", repo="-x")


@pytest.mark.parametrize(
    ("repo", "stem"),
    [
        ("https://example.org/me/digits.git", "digits"),
        ("https://example.org/me/digits/", "digits"),
        ("git@example.org:digits.git", "digits"),
        ("/srv/my project", "my-project"),
        ("/srv/.hidden", "hidden"),
        ("/srv/\u00e9\u00e9", "job"),
        ("x" * 200, "x" * 55),
        (None, "job"),
    ],
)
def test_default_names_are_names(repo, stem):
    """Whatever the repository is called, the job's name is one that the parse would take, 64 characters at most."""
    name = default_name(repo, ".", "python x")
    assert name.rpartition("-")[0] == stem
    assert parse_body({"command": "x", "name": name}).spec.name == name


def test_default_names_do_not_run_together():
    """Folder and command are told apart in the hash."""
    assert default_name(None, "a", "b") != default_name(None, "ab", "")


def test_a_rehearsal_needs_a_way_to_resume():
    """Nothing can be rehearsed where nothing says how to resume; an empty way is one."""
    job = {"POD_COMMAND": "python train.py", "POD_REHEARSE": "1"}
    with pytest.raises(BadInput) as caught:
        parse_environment(job)
    (mistake,) = caught.value.mistakes
    assert mistake.field == "POD_REHEARSE"
    assert "POD_RESUME" in mistake.problem
    spec = parse_environment({**job, "POD_RESUME": ""}).spec
    assert spec is not None
    assert spec.rehearse
