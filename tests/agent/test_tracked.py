"""Which names git tracks, read from its index."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from pod_agent.outputs.checkpoints.tracked import tracked


@pytest.mark.parametrize("version", [2, 3, 4])
def test_gits_own_list_is_read(tmp_path, version):
    """Every version of git's index gives the names below the job's folder."""

    def git(*args):
        subprocess.run(["git", *args], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q")
    names = ["a.pt", "sub/last.pt", "sub/deep/läst.pt", "sub/" + "x" * 150 + ".pt", "other/b.pt"]
    for name in [*names, "train.py"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    git("add", "-A")
    (tmp_path / "later.pt").write_text("x")
    if version == 3:
        git("add", "-N", "later.pt")
        names.append("later.pt")
    git("update-index", "--index-version", str(max(version, 2)))
    assert tracked(tmp_path) == frozenset(names)
    assert tracked(tmp_path / "sub") == {name[4:] for name in names if name.startswith("sub/")}
    shutil.rmtree(tmp_path / ".git")
    assert tracked(tmp_path / "sub") == frozenset()
