"""docs/failures.md has the retry table, line for line. As a program it writes the table into the page."""

from __future__ import annotations

import re
from pathlib import Path

from pod_agent.run.failures.failure import Kind
from pod_agent.run.failures.retry import row

PAGE = Path(__file__).resolve().parents[3] / "docs" / "failures.md"
TABLE = re.compile(r"(\| class \|.*\n\| --- .*\n)((?:\| `.*\n)*)")


def written(text: str) -> str:
    """The page with the table as the code has it."""
    rows = "".join(f"{row(kind)}\n" for kind in Kind)
    return TABLE.sub(lambda found: found[1] + rows, text)


def test_the_page_has_the_table_of_the_code():
    """docs/failures.md lists every class with the words, the retry and the remedy that jobs get."""
    text = PAGE.read_text("utf-8")
    assert len(TABLE.findall(text)) == 1
    assert text == written(text)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
