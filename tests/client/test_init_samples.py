"""`init` against small repositories of every family: the command, the way to resume, and the reason that is given."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from pod_client.init.looking import look
from pod_client.init.pod_toml import render, toml_text
from pod_wire.parse import parse_toml, toml_pod_table
from tests.client.init_samples import hugging_face, layouts, lightning, loops, shards

SAMPLES = [
    sample for module in (hugging_face, lightning, loops, shards, layouts) for sample in module.SAMPLES
]
PROJECTS = sorted(path.parent for path in (Path(__file__).parents[1] / "projects").glob("*/pod.toml"))


def written(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return render(look(folder))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_repository_is_read_right(sample, tmp_path):
    """The file that is written parses, and holds the command, the way to resume and its reason."""
    text = written(tmp_path, sample.files)
    parsed = parse_toml(text)
    assert toml_pod_table(text) == {}
    assert parsed.warnings == ()
    spec = parsed.spec
    assert (spec.command if spec else None, spec.resume if spec else None) == (
        sample.command,
        sample.resume,
    ), text
    comments = " ".join(re.sub(r"^# ?", "", line) for line in text.splitlines() if line.startswith("#"))
    assert (spec.checkpoints if spec else None) == (
        "**/weights_*.bin" if "passes over" in sample.name else None
    )
    assert [words for words in (sample.reason, *sample.comments) if words not in comments] == [], text


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.name)
def test_a_project_of_ours_is_read_as_its_author_wrote_it(project):
    """What is written for each of tests/projects resumes it as its own pod.toml does, or names that way as well."""
    wanted = tomllib.loads((project / "pod.toml").read_text())["job"]["train"]
    text = render(look(project / wanted.get("subdir", ".")))
    spec = parse_toml(text).spec
    assert wanted["resume"] == spec.resume or f"# resume = {toml_text(wanted['resume'])}" in text, text
    assert spec.requirements == (wanted.get("requirements") or None) or wanted["requirements"] in text
