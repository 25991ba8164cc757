"""The small packages of pure Python that some projects need, and the index that has them. They lie in packages/."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fakes.package_index import PackageIndex

HERE = Path(__file__).parent / "packages"


def fill(index: PackageIndex) -> None:
    """Every package there is, as a wheel."""
    for path in HERE.glob("*.py"):
        index.add(path.stem, "1.0", files={path.name: path.read_text()})
