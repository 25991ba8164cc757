"""Several jobs of one repository side by side, and a disk that is too small for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pod_agent.run.code.sync import sync
from pod_agent.run.work import StepFailed, Work
from pod_wire.clock import RealClock
from pod_wire.job import JobSpec
from tests.agent.code_place import ENV, Place
from tests.fakes.git_server import GitHost
from tests.story.small_places import on_small_disk

ROOT = Path(__file__).parent.parent.parent


def test_jobs_of_one_repository_do_not_meet(tmp_path):
    """Six jobs sync three commits at once, again and again; each has its own commit, and its own files stay."""
    place = Place(tmp_path)
    commits = [place.commit(**{"train.py": str(number), f"only-{number}": "x"}) for number in range(3)]
    failures: list[BaseException] = []
    ready = threading.Barrier(6)

    def job(number: int) -> None:
        spec = JobSpec(f"job-{number}", "true", repo=str(place.repo), ref=commits[number % 3])
        tree = tmp_path / "workspace" / spec.name
        try:
            ready.wait(30)
            for turn in range(2):
                done = sync(spec, tree, None, ENV, Work(lambda _: None, RealClock()))
                assert done.commit == commits[number % 3]
                (tree / f"checkpoint-{turn}").write_text(spec.name)
        except BaseException as failure:  # noqa: BLE001 - handed to the test
            failures.append(failure)

    threads = [threading.Thread(target=job, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failures == []
    for number in range(6):
        tree = tmp_path / "workspace" / f"job-{number}"
        assert (tree / "train.py").read_text() == str(number % 3)
        assert {path.read_text() for path in tree.glob("checkpoint-*")} == {f"job-{number}"}
        assert (tree / f"only-{number % 3}").exists()


@pytest.mark.slow
@pytest.mark.parametrize("room", ["fetch", "checkout"])
def test_a_full_disk_is_named_and_loses_nothing(tmp_path, room):
    """A volume of 4 MB that cannot take the pack, or not the files: the words name the disk, half a pack is gone."""
    place = Place(tmp_path)
    if room == "fetch":
        (place.repo / "data.bin").write_bytes(os.urandom(6 << 20))
    else:
        (place.repo / "data.txt").write_text("a line that packs well\n" * 300_000)
    place.commit(**{"train.py": "one"})
    small = tmp_path / "small"
    small.mkdir()
    with GitHost.running(tmp_path) as host:
        asked = {"repo": host.url("origin/.git"), "tree": str(small / "digits"), "env": ENV}
        program = [sys.executable, "-m", "tests.agent.sync_program"]
        look = f'find {small} -name "tmp_*" | sed "s/^/LEFT /"; cat {small}/notes'
        script = f'echo mine >{small}/notes; "$@"; {look}'
        done = subprocess.run(
            on_small_disk(small, "4m", ["bash", "-c", script, "-", *program]),
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "agent", ROOT / "client"))),
            },
            input=json.dumps(asked).encode(),
            capture_output=True,
            check=False,
        )
    said = (done.stdout + done.stderr).decode()
    assert f"the disk that holds {small}" in said, said
    assert "is full" in said
    assert "make the pod's volume larger" in said
    assert "LEFT" not in said
    assert done.stdout.endswith(b"mine\n")


def test_a_workspace_that_cannot_be_written_is_said(tmp_path):
    """A tree below something that is no folder ends the step with its path, not with a traceback."""
    place = Place(tmp_path)
    place.commit(**{"train.py": "one"})
    place.tree.parent.write_text("no folder")
    with pytest.raises(StepFailed, match="cannot check out") as caught:
        place.sync()
    assert str(place.tree.parent) in str(caught.value)
    assert "writable" in caught.value.hint
