"""What the pages promise is there: targets, routes, dependencies, links; and no path of a builder's machine."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from pod_wire import routes
from pod_wire.parse import parse_toml, toml_pod_table

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
AGENT = (ROOT / "agent/README.md").read_text()
PAGES = sorted(
    page
    for page in ROOT.rglob("*.md")
    if not any(part.startswith(".") for part in page.relative_to(ROOT).parts)
)


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_the_readme_opens_with_demo_and_test():
    """The first two commands of the README are make demo and make test."""
    assert re.findall(r"^make \w+", README, re.MULTILINE)[:2] == ["make demo", "make test"]


def test_every_make_target_is_in_the_readme():
    """What `make` lists, the README names."""
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [name for name in targets if name != "help" and not re.search(rf"\b{name}\b", README)] == []


def test_every_route_is_in_the_agents_readme():
    """Each route of pod_wire.routes stands in the table of the HTTP API."""
    plain = [value for name, value in vars(routes).items() if name.isupper() and str(value).startswith("/")]
    made = [make("{id}") for make in (routes.job, routes.job_logs, routes.job_cancel, routes.job_restart)]
    made.append(routes.tree("{sha256}"))
    assert [route for route in plain + made if f"{route}`" not in AGENT and f"{route}?" not in AGENT] == []


def test_every_dependency_has_its_reason():
    """docs/dependencies.md gives each declared dependency one sentence, and no other."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = document["project"]
    lines = [
        *project["dependencies"],
        *project["optional-dependencies"]["agent"],
        *document["dependency-groups"]["dev"],
    ]
    wanted = {re.split(r"[<>=~!\[]", line)[0] for line in lines}
    reasons = re.findall(
        r"^- \*\*([^*]+)\*\*: \S.*\.$", (ROOT / "docs/dependencies.md").read_text(), re.MULTILINE
    )
    assert sorted(reasons) == sorted(wanted)


def test_the_job_file_of_the_readme_is_a_job():
    """The pod.toml that the README shows is accepted as it stands, and its image is one that can be pulled."""
    text = re.search(r"```toml\n(.*?)```", README, re.DOTALL).group(1)
    parsed = parse_toml(text, "train")
    assert parsed.spec.resume == "--resume {checkpoint}"
    assert parsed.warnings == ()
    pod = toml_pod_table(text)
    assert pod.keys() == {"image", "gpu"}
    assert re.fullmatch(r"[a-z0-9./-]+:[\w.-]+", pod["image"]), pod


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    """Every relative link of a page is a file of this repository."""
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_no_page_or_program_names_the_machine_it_was_written_on():
    """No tracked file holds a path of a builder's machine, nor an address of a package index."""
    machine = re.compile(
        r"(?<![\w.])/(?:work|opt/pypi|opt/wheels|root|farm)/|file:/{3}opt|/tmp/[p]odkeep|[p]ypi\.org/simple"
    )
    found = []
    for path in tracked():
        text = path.read_text(errors="ignore")
        found += [f"{path.relative_to(ROOT)}: {hit.group()}" for hit in machine.finditer(text)]
    assert found == []
