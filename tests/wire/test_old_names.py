"""Names from before POD_*: each is translated or refused, none is ignored in silence."""

import pytest

from pod_wire.errors import BadInput
from pod_wire.old_names import OLD_NAMES, translate
from pod_wire.parse import parse_environment

JOB = {"POD_COMMAND": "python train.py", "POD_REPO": "https://example.org/a/digits.git"}
OF_THE_DESIGN = (
    "REPO_URL REPO_REF REPO_DIR CLONE_REPO_ON_START GIT_AUTO_PULL VENV_DIR SYNC_REQUIREMENTS_ON_START FORCE_PIP_SYNC "
    "FORCE_RESTART START_SSHD START_JUPYTER START_INFERENCE_API START_HF_WATCH START_IDLE_WATCHDOG "
    "RUNPOD_PHASE_TIMING_ENABLED RUNPOD_PHASE_TIMING_LOG"
)


def test_every_name_of_the_design_is_known():
    """The list is the design's."""
    assert set(OF_THE_DESIGN.split()) == OLD_NAMES


@pytest.mark.parametrize(
    ("old", "value", "new", "meaning"),
    [
        ("REPO_URL", "https://example.org/x.git", "POD_REPO", "https://example.org/x.git"),
        ("REPO_REF", "v1", "POD_REF", "v1"),
        ("SYNC_REQUIREMENTS_ON_START", "0", "POD_REQUIREMENTS", ""),
        ("FORCE_RESTART", "1", "POD_FRESH", "1"),
        ("FORCE_RESTART", "yes", "POD_FRESH", "1"),
        ("START_IDLE_WATCHDOG", "0", "POD_IDLE_MINUTES", "0"),
    ],
)
def test_what_means_the_same_is_translated(old, value, new, meaning):
    """An old name whose meaning we have sets ours, and a warning says which."""
    found = translate({old: value})
    assert found.variables == {new: meaning}
    assert not found.mistakes
    assert old in found.warnings[0]
    assert new in found.warnings[0]


@pytest.mark.parametrize(
    ("old", "value"),
    [
        ("CLONE_REPO_ON_START", "1"),
        ("GIT_AUTO_PULL", "0"),
        ("SYNC_REQUIREMENTS_ON_START", "1"),
        ("FORCE_PIP_SYNC", "0"),
        ("FORCE_RESTART", "0"),
        ("START_SSHD", "0"),
        ("START_JUPYTER", "0"),
        ("START_INFERENCE_API", "0"),
        ("START_HF_WATCH", "0"),
        ("START_IDLE_WATCHDOG", "1"),
        ("RUNPOD_PHASE_TIMING_ENABLED", "1"),
    ],
)
def test_what_is_so_anyway_changes_nothing(old, value):
    """An old switch in the position that we always have is a warning, and the job is the same."""
    parsed = parse_environment({**JOB, old: value})
    assert parsed.spec == parse_environment(JOB).spec
    assert any(old in warning for warning in parsed.warnings)


@pytest.mark.parametrize(
    ("old", "value", "instead"),
    [
        ("REPO_DIR", "/workspace/x", "POD_JOB"),
        ("VENV_DIR", "/workspace/venv", "POD_REQUIREMENTS"),
        ("RUNPOD_PHASE_TIMING_LOG", "/x", "/status"),
        ("RUNPOD_PHASE_TIMING_ENABLED", "0", "/status"),
        ("CLONE_REPO_ON_START", "0", "POD_REPO"),
        ("GIT_AUTO_PULL", "1", "POD_REF"),
        ("FORCE_PIP_SYNC", "1", "POD_REQUIREMENTS"),
        ("START_SSHD", "1", "POD_SERVICES"),
        ("START_JUPYTER", "true", "POD_SERVICES"),
        ("START_INFERENCE_API", "1", "POD_SERVICES"),
        ("START_HF_WATCH", "1", "POD_UPLOAD"),
    ],
)
def test_what_we_do_not_have_is_refused_by_name(old, value, instead):
    """An old name that nothing stands for is a mistake that says what there is instead."""
    with pytest.raises(BadInput) as caught:
        parse_environment({**JOB, old: value})
    (mistake,) = caught.value.mistakes
    assert mistake.field == old
    assert instead in mistake.remedy


def test_every_old_name_is_answered_in_both_positions():
    """No old name, whatever it says, goes by without a warning, a translation or a mistake."""
    for old in OLD_NAMES:
        for value in ("0", "1", "somewhere"):
            found = translate({old: value})
            assert found.warnings or found.mistakes


def test_an_odd_position_is_a_mistake():
    """A switch that is neither on nor off is not guessed at, and its value is not shown."""
    with pytest.raises(BadInput) as caught:
        parse_environment({**JOB, "FORCE_RESTART": "perhaps"})
    assert "FORCE_RESTART" in str(caught.value)
    assert "perhaps" not in str(caught.value)


def test_the_new_name_wins():
    """Where both are set, the old one is not used, and a warning says so."""
    parsed = parse_environment({**JOB, "REPO_URL": "https://example.org/other.git"})
    assert parsed.spec is not None
    assert parsed.spec.repo == JOB["POD_REPO"]
    assert any("REPO_URL" in warning for warning in parsed.warnings)


def test_a_bad_value_is_blamed_on_the_name_that_was_written():
    """A mistake in a translated value names the old name too."""
    with pytest.raises(BadInput) as caught:
        parse_environment({"POD_COMMAND": "x", "REPO_URL": "-oProxyCommand=x"})
    assert caught.value.mistakes[0].field == "POD_REPO (from REPO_URL)"


def test_empty_old_names_say_nothing():
    """A template's empty leftovers are no mistakes."""
    assert parse_environment({**JOB, "REPO_DIR": "", "START_JUPYTER": " "}).warnings == ()
