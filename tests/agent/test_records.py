"""What is remembered of checkpoints that were seen whole, and what it proves later."""

from __future__ import annotations

import os

from pod_agent.outputs.checkpoints.find import find
from pod_agent.outputs.checkpoints.judge import judge
from pod_agent.outputs.checkpoints.records import Records
from tests.agent.checkpoint_files import safetensors, safetensors_head, torch_zip, trainer


def only(folder, records=None):
    """The one that is found, judged with no writer alive."""
    (one,) = find(folder, None, 0.0)
    return judge(one, records or Records(folder / "none.json"), writer_alive=False)


def test_sizes_recorded_when_whole_are_held_against_it(tmp_path):
    """A file without a length of its own, and one removed by a rotation that was killed, are noticed later."""
    at = trainer(tmp_path / "checkpoint-30", 30)
    records = Records(tmp_path / "checkpoints.json")
    records.add(find(tmp_path, None, 0.0)[0], 30, 1.0)
    records.save()
    records = Records.load(tmp_path)
    os.truncate(at / "merges.txt", 1)
    assert "had 4 bytes" in only(tmp_path, records).why
    (at / "merges.txt").unlink()
    assert "merges.txt has been removed" in only(tmp_path, records).why


def test_zeros_at_the_end_count_only_where_they_were_seen(tmp_path):
    """Zeros may be numbers: while a writer lives they are; after a crash, only where they had been seen."""
    head = safetensors_head(20_000)
    path = tmp_path / "step-7.safetensors"
    path.write_bytes(head + bytes(20_000))
    assert "ends in zeros" in only(tmp_path).why
    records = Records(tmp_path / "x.json")
    (found,) = find(tmp_path, None, 0.0)
    assert judge(found, records, writer_alive=True, last_look=found).whole
    records.add(found, 7, 1.0)
    assert only(tmp_path, records).whole


def test_what_was_seen_whole_has_to_be_the_same(tmp_path):
    """A file that a crash has emptied of its numbers keeps its size and time; its ends tell."""
    path = tmp_path / "step-7.safetensors"
    path.write_bytes(safetensors(20_000))
    records = Records(tmp_path / "x.json")
    (found,) = find(tmp_path, None, 0.0)
    records.add(found, 7, 1.0)
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(16_384)
        file.write(bytes(before.st_size - 16_384))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert only(tmp_path, records).why == "step-7.safetensors is not what it was when it was whole"


def test_a_folder_without_a_list_is_held_against_the_one_before(tmp_path):
    """A kill between two files leaves a folder in which each is whole: the kinds in the one before tell."""
    records = Records(tmp_path / "x.json")
    for step in (10, 20):
        (tmp_path / f"run/step_{step}").mkdir(parents=True)
        (tmp_path / f"run/step_{step}/model.pt").write_bytes(torch_zip({"a": 1}))
    (tmp_path / "run/step_10/optimizer.pt").write_bytes(torch_zip({"a": 1}))
    found = {one.step: one for one in find(tmp_path, None, 0.0)}
    assert judge(found[10], records, writer_alive=True, last_look=found[10], rest_s=29.0).is_final is False
    assert judge(found[10], records, writer_alive=True, last_look=found[10], rest_s=30.0).whole
    records.add(found[10], 10, 1.0)
    half = judge(found[20], records, writer_alive=False)
    assert (half.whole, half.why) == (False, "optimizer.pt, which the one before has, is missing")
    assert judge(found[20], records, writer_alive=True, last_look=found[20], rest_s=60.0).whole
    (tmp_path / "run/step_20/optimizer.pt").write_bytes(torch_zip({"a": 1}))
    whole = {one.step: one for one in find(tmp_path, None, 0.0)}[20]
    assert judge(whole, records, writer_alive=False).whole


def test_a_folder_that_is_saved_over_is_whole_with_its_last_file(tmp_path):
    """One name for every save: what was written again without the file that comes last was cut off."""
    at = trainer(tmp_path / "checkpoint-30", 30)
    records = Records(tmp_path / "x.json")
    records.add(find(tmp_path, None, 0.0)[0], 30, 1.0)
    (at / "model.safetensors").write_bytes(safetensors())
    os.utime(at / "model.safetensors", (9e9, 9e9))
    assert (
        only(tmp_path, records).why == "model.safetensors was written again, and trainer_state.json was not"
    )
    os.utime(at / "trainer_state.json", (9e9 + 1, 9e9 + 1))
    assert only(tmp_path, records).whole


def test_memory_lasts_over_a_restart_in_the_order_of_seeing(tmp_path):
    """What was seen last is last again, whatever the clock said."""
    records = Records.load(tmp_path)
    for step, clock in ((10, 300.0), (20, 200.0), (30, 100.0)):
        path = tmp_path / f"step-{step}.pt"
        path.write_bytes(torch_zip({"step": step}))
        (found,) = [one for one in find(tmp_path, None, 0.0) if one.step == step]
        records.add(found, step, clock)
    records.save()
    assert [one.step for one in Records.load(tmp_path).whole.values()] == [10, 20, 30]
