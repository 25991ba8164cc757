"""What every test gets: an environment without this shell's habits, a home, a simulator on request.

And one option: with --no-skips a skipped test is a failed one, unless it is marked gpu.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests import longest
from tests.live import Simulator

# How long an example takes is the machine's: on a loaded one the first of them is a second's work.
hypothesis.settings.register_profile(
    "ours", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("ours")

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # begun in the background: no Ctrl-C would reach our programs
    signal.signal(signal.SIGINT, signal.default_int_handler)
if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # the same under nohup
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

KEPT = (
    "PIP_",
    "UV_",
    "SSL_",
    "GIT_SSL_",
    "LC_",
    "PYTEST_",
    "COV_",
    "HYPOTHESIS_",
)  # the machine's, not the person's
KEPT_NAMES = {"PATH", "LANG", "TZ", "TMPDIR", "TERM", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}
WINDOWS = {"SYSTEMROOT", "COMSPEC", "PATHEXT", "APPDATA", "LOCALAPPDATA", "USERPROFILE", "TEMP", "TMP"}
PROXIES = {"http_proxy", "https_proxy", "no_proxy", "all_proxy"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a skip fails, unless the test is marked gpu")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if getattr(config.option, "loadgroup", False):
        longest.in_order(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A skip during a test, as a failure."""
    report = yield
    allowed = item.get_closest_marker("gpu")
    if report.skipped and item.config.getoption("--no-skips") and not allowed:
        report.outcome = "failed"
        report.longrepr = f"--no-skips: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """A module that skips itself while it is collected, as a failure."""
    report = yield
    if report.outcome == "skipped" and collector.config.getoption("--no-skips"):
        report.outcome = "failed"
        report.longrepr = f"--no-skips: {report.longrepr}"
    return report


def machine_environment(home: Path) -> dict[str, str]:
    """What a program needs of this machine, and nothing of the person who runs the tests."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(KEPT) or name in KEPT_NAMES | WINDOWS or name.lower() in PROXIES
    }
    person = Path(os.environ.get("HOME", "/"))
    pip_settings = person / ".config" / "pip" / "pip.conf"
    if pip_settings.is_file():
        kept.setdefault("PIP_CONFIG_FILE", str(pip_settings))
    kept.setdefault("PIP_CACHE_DIR", str(person / ".cache" / "pip"))
    own = {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), kept["PATH"])),
        "HOME": home,
        "XDG_CONFIG_HOME": home / ".config",
        "XDG_STATE_HOME": home / ".local" / "state",
        "XDG_CACHE_HOME": home / ".cache",
        "XDG_RUNTIME_DIR": home / ".run",
        "GIT_CONFIG_NOSYSTEM": "1",
        **dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "A Tester"),
        **dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "tester@example.invalid"),
    }
    return kept | {name: str(value) for name, value in own.items()}


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A new folder for each test; tmp_path_factory's own numbering looks through all earlier ones."""
    place = tmp_path_factory.mktemp("homes")
    return (place / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def clean_environment(homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of every test: machine_environment with a new home."""
    home = next(homes)
    home.mkdir()
    wanted = machine_environment(home)
    for name in os.environ.keys() - wanted.keys():
        monkeypatch.delenv(name)
    for name, value in wanted.items():
        monkeypatch.setenv(name, value)
    return wanted


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """One RunPod of our own for the whole session, with process pods; ended with every pod in it."""
    home = tmp_path_factory.mktemp("simulator")
    with Simulator.running(home / "state", machine_environment(home)) as running:
        yield running
