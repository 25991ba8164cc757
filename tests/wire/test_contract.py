"""The table of variables agrees with the values that are made of it."""

import dataclasses

from pod_wire.contract import BY_NAME, JOB_FIELDS, VARIABLES, row
from pod_wire.job import JobSpec
from pod_wire.parse import PodValues, parse_environment
from pod_wire.variable import Kind


def test_every_built_job_variable_is_a_field_of_the_spec():
    """JobSpec and the built variables of a job are the same set."""
    built = {variable.field for variable in VARIABLES if variable.level == "job" and variable.built}
    assert built == {field.name for field in dataclasses.fields(JobSpec)}


def test_every_pod_variable_is_a_field_of_the_pod_s_values():
    """PodValues and the variables of a pod are the same set."""
    of_pod = {variable.field for variable in VARIABLES if variable.level == "pod"}
    assert of_pod == {field.name for field in dataclasses.fields(PodValues)}


def test_every_built_job_variable_reaches_the_spec():
    """A value that is not the default arrives in JobSpec: none is parsed and then forgotten."""
    given = {
        "POD_JOB": "j", "POD_REPO": "https://example.com/r.git", "POD_REF": "v1", "POD_SUBDIR": "s",
        "POD_COMMAND": "c", "POD_RESUME": "", "POD_CHECKPOINTS": "*.pt", "POD_FRESH": "1", "POD_REHEARSE": "1",
        "POD_REQUIREMENTS": "r.txt", "POD_SETUP": "s", "POD_ON_FINISH": "keep", "POD_ON_FAILURE": "keep",
        "POD_IDLE_MINUTES": "7", "POD_MAX_HOURS": "3", "POD_MAX_COST": "2.5", "POD_MAX_RESTARTS": "9",
        "POD_SIGNAL": "INT", "POD_EPHEMERAL": "1", "POD_PROGRESS": "echo step 1",
    }  # fmt: skip
    spec = parse_environment(given).spec
    usual = {field.name: field.default for field in dataclasses.fields(JobSpec)}
    assert [one for one in given if getattr(spec, BY_NAME[one].field) == usual[BY_NAME[one].field]] == []


def test_names_and_fields_are_unique():
    """No variable is listed twice."""
    assert len(BY_NAME) == len(VARIABLES) == len({variable.field for variable in VARIABLES})


def test_all_names_of_the_design_are_there():
    """The contract holds every variable that the design names."""
    names = (
        "JOB REPO REF SUBDIR COMMAND RESUME CHECKPOINTS FRESH REHEARSE OUTPUTS DATA UPLOAD KEEP BEST REQUIREMENTS "
        "SETUP ON_FINISH ON_FAILURE IDLE_MINUTES MAX_HOURS MAX_COST STALL_MINUTES DRAIN_MINUTES MAX_RESTARTS "
        "HOLD_MINUTES SIGNAL EPHEMERAL TOKEN PORT WORKSPACE RUNPOD_URL PRICE NOTIFY SERVICES PROGRESS WATCH ORDER "
        "GIT_TOKEN DEPLOY_KEY STOP_KEY"
    )
    assert set(BY_NAME) == {f"POD_{name}" for name in names.split()}


def test_numbers_have_bounds():
    """Every number has a largest value, so that none overflows a timer."""
    for variable in VARIABLES:
        if variable.built and variable.kind in {Kind.NUMBER, Kind.COUNT}:
            assert variable.most > variable.least


def test_a_row_has_five_cells_whatever_the_text():
    """A bar inside a sentence does not break the table."""
    for variable in VARIABLES:
        assert row(variable).replace("\\|", "").count("|") == 6


def test_job_fields_are_the_job_s():
    """The fields a body may hold are the job's, not the pod's."""
    assert "token" not in JOB_FIELDS
    assert "command" in JOB_FIELDS
