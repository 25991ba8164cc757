"""The rules of the house, read from the source: who imports whom, reads the environment, prints."""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOMES = (ROOT / "agent", ROOT / "client")
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))

# What a module whose name begins so may import of ours; the longest beginning that fits counts.
MAY_IMPORT = {
    "pod_wire": ("pod_wire",),
    "pod_client": ("pod_wire", "pod_client"),
    "pod_sim": ("pod_wire", "pod_sim"),
    "pod_agent": ("pod_wire", "pod_agent.settings", "pod_agent.invocation", "pod_agent.start_command"),
    "pod_agent.outputs": ("pod_wire", "pod_agent.settings", "pod_agent.outputs"),
    "pod_agent.progress": ("pod_wire", "pod_agent.outputs", "pod_agent.progress"),
    "pod_agent.pod": ("pod_wire", "pod_agent.settings", "pod_agent.pod"),
    "pod_agent.run": (
        "pod_wire",
        "pod_agent.settings",
        "pod_agent.outputs",
        "pod_agent.progress",
        "pod_agent.pod",
        "pod_agent.run",
    ),
    "pod_agent.api": ("pod_wire", "pod_agent"),
    "pod_agent.after": ("pod_wire", "pod_agent"),
    "pod_agent.after_alone": ("pod_wire", "pod_agent"),
    "pod_agent.serving": ("pod_wire", "pod_agent"),
    "pod_agent.later": ("pod_wire", "pod_agent"),
    "pod_agent.life": ("pod_wire", "pod_agent"),
    "pod_agent.__main__": ("pod_wire", "pod_agent"),
}
OURS = ("pod_wire", "pod_client", "pod_sim", "pod_agent")
ENTRY_POINTS = {"__main__.py", "cli.py", "last_resort.py"}
EXTRA_OF_IMPORT = {"pynvml": "nvidia-ml-py", "prometheus_client": "prometheus-client"}


def modules() -> dict[str, Path]:
    found = {}
    for home in HOMES:
        for path in sorted(home.rglob("*.py")):
            name = ".".join(path.relative_to(home).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


MODULES = modules()


@functools.cache
def tree(name: str) -> ast.Module:
    """A module of ours, read when a rule first asks: each worker of a run imports this file."""
    return ast.parse(MODULES[name].read_text())


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """All of a test's file, read once for every rule."""
    return tuple(ast.walk(ast.parse(path.read_text())))


def imports(name: str) -> Iterator[str]:
    """Every module that ``name`` imports, also inside functions and under TYPE_CHECKING."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else node.module or ""


def begins(name: str, beginning: str) -> bool:
    return name == beginning or name.startswith(beginning + ".")


def ours(name: str) -> list[str]:
    return [used for used in imports(name) if used.split(".")[0] in OURS]


def found(wrong: Callable[[str], list]) -> dict[str, list]:
    """What is wrong with each module of which anything is."""
    return {name: hits for name in MODULES if (hits := wrong(name))}


def test_imports_go_down_only():
    """No module imports one that its floor may not know."""

    def wrong(name):
        floor = max((known for known in MAY_IMPORT if begins(name, known)), key=len)
        return [used for used in ours(name) if not any(begins(used, may) for may in MAY_IMPORT[floor])]

    assert found(wrong) == {}


def test_nobody_imports_an_entry_point():
    """The entry points are at the top: nothing imports them."""
    wrong = [
        (name, used) for name in MODULES for used in ours(name) if used.split(".")[-1] in {"__main__", "cli"}
    ]
    assert wrong == []


def test_no_import_goes_in_a_circle():
    """The modules can be put in an order in which each imports earlier ones only."""
    waiting = {name: {used for used in ours(name) if used != name} for name in MODULES}
    while free := [
        name
        for name, needs in waiting.items()
        if not needs & waiting.keys() or not any(name in others for others in waiting.values())
    ]:
        for name in free:
            del waiting[name]
    assert {name: needs & waiting.keys() for name, needs in waiting.items()} == {}


def test_the_environment_is_read_at_the_entry():
    """Only entry points look at the process's environment; all others are given a mapping."""

    def wrong(name):
        return [
            node.lineno
            for node in ast.walk(tree(name))
            if isinstance(node, ast.Attribute)
            and node.attr in {"environ", "environb", "getenv"}
            and MODULES[name].name not in ENTRY_POINTS
        ]

    assert found(wrong) == {}


def test_one_module_prints():
    """The client speaks through screen.py and nobody else prints."""

    def wrong(name):
        called = [node.func for node in ast.walk(tree(name)) if isinstance(node, ast.Call)]
        prints = [func.lineno for func in called if isinstance(func, ast.Name) and func.id == "print"]
        methods = [func for func in called if isinstance(func, ast.Attribute)]
        return prints + [func.lineno for func in methods if func.attr in {"echo", "secho"}]

    assert found(wrong).keys() <= {"pod_client.screen"}


def test_a_module_says_what_it_is():
    """Every module opens with a docstring."""
    assert [name for name in MODULES if not ast.get_docstring(tree(name))] == []


def test_files_stay_short():
    """No Python file is longer than 300 lines."""
    folders = ("agent", "client", "tests", "bench", "examples")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert {
        str(path.relative_to(ROOT)): lines
        for path in files
        if (lines := len(path.read_text().splitlines())) > 300
    } == {}


def test_every_test_states_its_fact():
    """Every test has a docstring of one paragraph that ends in a full stop."""
    wrong = []
    for path in TESTS:
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                fact = ast.get_docstring(node) or ""
                if not fact.endswith(".") or "\n\n" in fact:
                    wrong.append(f"{path.name}:{node.name}")
    assert wrong == []


def test_nothing_of_ours_is_mocked():
    """Tests replace nothing inside our modules: no mock, no setattr by monkeypatch."""
    wrong = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for node in nodes(path):
            match node:
                case ast.ImportFrom(module="unittest.mock" | "mock"):
                    wrong.append(path.name)
                case ast.Call(
                    func=ast.Attribute(attr="setattr" | "setitem", value=ast.Name(id="monkeypatch"))
                ):
                    wrong.append(f"{path.name}:{node.lineno}")
    assert wrong == []


def declared() -> tuple[set[str], set[str]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    base, extra = project["dependencies"], project["optional-dependencies"]["agent"]
    return tuple({re.split(r"[^A-Za-z0-9_-]", line)[0].lower() for line in lines} for lines in (base, extra))


def test_only_declared_packages_are_imported():
    """The client imports the base install only; the agent also what its extra declares."""
    base, extra = declared()

    def wrong(name):
        allowed = base if begins(name, "pod_client") or begins(name, "pod_wire") else base | extra
        tops = {used.split(".")[0] for used in imports(name)} - set(sys.stdlib_module_names) - set(OURS)
        needed = {EXTRA_OF_IMPORT.get(top, top) for top in tops} - {"starlette"}  # comes with fastapi
        return sorted(needed - allowed)

    assert found(wrong) == {}


def test_the_base_install_stays_small():
    """Installing podkeep without extras brings ten packages at most."""
    seen: set[str] = set()
    todo = ["podkeep"]
    while todo:
        if (name := todo.pop().lower()) in seen:
            continue
        seen.add(name)
        needs = [need for need in importlib.metadata.requires(name) or [] if ";" not in need]
        todo += [re.split(r"[^A-Za-z0-9_.-]", need)[0] for need in needs]
    assert len(seen - {"podkeep"}) <= 10, seen


def test_help_loads_next_to_nothing():
    """`pod-client --help` imports neither requests, nor rich, nor anything of the agent."""
    program = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('LOADED', *sys.modules))\n"
        "sys.argv = ['pod-client', '--help']\n"
        "from pod_client.cli import main\n"
        "main()\n"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    loaded = {module.split(".")[0] for module in said.split("LOADED", 1)[1].split()}
    assert "click" in loaded
    assert loaded & {"requests", "rich", "urllib3", "pod_agent", "pod_sim", "fastapi", "asyncio"} == set()
