"""The tables of docs/ say what the code says."""

from pathlib import Path

from pod_agent.progress.reading import Source
from pod_wire.contract import VARIABLES, row
from pod_wire.old_names import OLD_NAMES

SETTINGS = Path(__file__).parent.parent / "docs" / "settings.md"


def test_the_settings_are_the_contract_s():
    """docs/settings.md has one line for each variable of the contract, word for word, in order, and no other."""
    lines = SETTINGS.read_text(encoding="utf-8").splitlines()
    documented = [line for line in lines if line.startswith("| `POD_")]
    in_order = sorted(VARIABLES, key=lambda variable: variable.level)
    assert documented == [row(variable) for variable in in_order]


def test_every_older_name_is_explained():
    """docs/settings.md names every variable of the old days."""
    text = SETTINGS.read_text(encoding="utf-8")
    assert [name for name in sorted(OLD_NAMES) if f"`{name}`" not in text] == []


def test_every_source_of_progress_is_on_its_page():
    """docs/progress.md names each source by the words with which `status` does."""
    text = (SETTINGS.parent / "progress.md").read_text(encoding="utf-8")
    assert [source.value for source in Source if source.value not in text] == []
