"""The projects themselves: none knows of podkeep, each has a job file that explains itself, and a line in the docs."""

from __future__ import annotations

from pathlib import Path

import pytest

from pod_wire.parse import parse_toml
from tests.projects.table import HERE, PROJECTS

PAGE = HERE.parents[1] / "docs" / "projects.md"
JOB_FILE = "pod.toml"


def texts(folder: Path) -> dict[str, str]:
    """Every file of a project but its job file."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".pyc"]
    return {str(path.relative_to(folder)): path.read_text() for path in files if path.name != JOB_FILE}


def test_every_project_is_tried():
    """Each folder with a job file is in the table, once, and the table names no other."""
    folders = sorted(path.parent.name for path in HERE.glob(f"*/{JOB_FILE}"))
    assert sorted(project.folder for project in PROJECTS) == folders


def test_the_page_has_the_table_s_lines():
    """docs/projects.md has a line for each project, word for word, in order, and no other."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("| [")] == [project.row for project in PROJECTS]


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.folder)
def test_no_project_knows_of_podkeep(project):
    """Nothing but the job file names podkeep, its variables, or a test."""
    known = ("podkeep", "POD_", "RUNPOD", "pytest")
    found = [(name, word) for name, text in texts(project.path).items() for word in known if word in text]
    assert found == []


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.folder)
def test_every_job_file_is_one_and_says_why(project):
    """Each pod.toml is accepted without a warning, says how to resume, and begins with the reason."""
    text = (project.path / JOB_FILE).read_text()
    parsed = parse_toml(text)
    assert parsed.warnings == ()
    assert parsed.spec.resume is not None
    assert text.startswith("# ")
