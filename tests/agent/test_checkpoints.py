"""Which checkpoints are found, and which of them are whole."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import time
import zipfile

import pytest

from pod_agent.outputs.checkpoints import pickles
from pod_agent.outputs.checkpoints.find import find
from pod_agent.outputs.checkpoints.judge import in_order, judge
from pod_agent.outputs.checkpoints.records import Records
from tests.agent.checkpoint_files import numpy_zip, safetensors, torch_zip, trainer
from tests.agent.pickled_classes import dumps

LONG_AGO = 0.0


def odd_zip(data):
    """A whole zip as numpy writes one, whose step is not what numpy writes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("step.npy", data)
    return file.getvalue()


def judged(folder, glob=None, records=None):
    """Name -> judgement of all that is found, with no writer alive."""
    known = records or Records(folder / "none.json")
    found = find(folder, glob, LONG_AGO)
    return {str(one.path.relative_to(folder)): judge(one, known, writer_alive=False) for one in found}


def only(folder, glob=None, records=None):
    (one,) = judged(folder, glob, records).values()
    return one


@pytest.mark.parametrize("shards", [0, 3])
def test_a_trainers_folder_is_whole(tmp_path, shards):
    """A complete folder is whole, with the step its state tells."""
    trainer(tmp_path / "out/checkpoint-30", 30, shards=shards)
    assert (only(tmp_path).whole, only(tmp_path).step) == (True, 30)


@pytest.mark.parametrize(
    ("hurt", "why"),
    [
        (lambda at: os.truncate(at / "model.safetensors", 900), "promises"),
        (lambda at: os.truncate(at / "model.safetensors", 4), "header is cut off"),
        (lambda at: (at / "model.safetensors").unlink(), "weights are missing"),
        (lambda at: os.truncate(at / "optimizer.pt", 500), r"optimizer.pt: the end of its zip"),
        (lambda at: os.truncate(at / "scheduler.pt", 0), "scheduler.pt: it is empty"),
        (lambda at: (at / "trainer_state.json").unlink(), "trainer_state.json is missing"),
        (lambda at: os.truncate(at / "trainer_state.json", 20), "trainer_state.json is not valid"),
        (lambda at: (at / "trainer_state.json").write_text('{"global_step": 20}'), "says step 20"),
        (lambda at: (at / "checkpoint-is-incomplete.txt").write_text("x"), "not finished"),
        (
            lambda at: (at / "late.txt").write_text("x") and os.utime(at / "late.txt", (9e9, 9e9)),
            "nobody saw",
        ),
    ],
)
def test_a_trainers_folder_that_is_not_whole_says_why(tmp_path, hurt, why):
    """Whatever is missing or cut is noticed, and named."""
    hurt(trainer(tmp_path / "checkpoint-30", 30))
    found = only(tmp_path)
    assert not found.whole
    assert why in found.why


def test_a_missing_shard_is_noticed(tmp_path):
    """Every file that the index names has to be there."""
    at = trainer(tmp_path / "checkpoint-30", 30, shards=3)
    (at / "model-00002-of-00003.safetensors").unlink()
    assert "model-00002-of-00003.safetensors is missing" in only(tmp_path).why


FILES = {
    "ckpt.pt": torch_zip({"iter_num": 250, "model": [1.0] * 50}),
    "last.ckpt": torch_zip({"global_step": 250, "epoch": 3}),
    "old-last.pth": pickle.dumps({"step": 250, "w": b"x" * 5000}),
    "last.pkl": pickle.dumps({"step": 250, "w": b"x" * 5000}, protocol=4),
    "last0.pkl": pickle.dumps({"step": 250, "w": [0.5] * 500}, protocol=0),
    "state.npz": numpy_zip(250),
    "step_250.safetensors": safetensors(),
    "checkpoint.json": json.dumps({"step": 250, "weights": [0.5] * 200}).encode(),
}


@pytest.mark.parametrize("name", FILES)
def test_single_files_are_judged_by_content(tmp_path, name):
    """A whole file is whole and tells its step; cut anywhere, it is not."""
    path = tmp_path / name
    path.write_bytes(FILES[name])
    glob = "*last*" if name in {"last0.pkl", "old-last.pth"} else None
    assert (only(tmp_path, glob).whole, only(tmp_path, glob).step) == (True, 250)
    rng = random.Random(1)
    length = len(FILES[name])
    for cut in {0, 1, length - 1, *(rng.randrange(length) for _ in range(60))}:
        path.write_bytes(FILES[name][:cut])
        assert not only(tmp_path, glob).whole, cut


def test_a_pickle_runs_nothing(tmp_path):
    """A pickle that would run a command runs none here, and is nothing to resume from."""

    class Evil:
        def __reduce__(self):
            return (os.system, (f"touch {tmp_path}/ran",))

    (tmp_path / "last.pt").write_bytes(torch_zip({"step": 3, "x": Evil()}))
    (tmp_path / "last.pkl").write_bytes(pickle.dumps({"step": 4, "x": Evil()}))
    found = judged(tmp_path).values()
    assert [one.why for one in found] == ["loading it would run posix.system"] * 2
    assert not any(one.whole for one in found)
    assert not (tmp_path / "ran").exists()


def test_torchs_old_format_is_followed_to_its_last_tensor(tmp_path):
    """Five pickles and then raw tensors: complete only with the last byte of the last tensor."""

    class Storage:
        def __init__(self, kind, key, count):
            self.pid = ("storage", kind, key, "cpu", count, None)

    kind = type("FloatStorage", (), {"__module__": "torch", "__qualname__": "FloatStorage"})

    class Writer(pickle.Pickler):
        def persistent_id(self, obj):
            return obj.pid if isinstance(obj, Storage) else None

        def reducer_override(self, obj):
            return "FloatStorage" if obj is kind else NotImplemented

    path = tmp_path / "last.pt"
    with path.open("wb") as file:
        for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
            pickle.dump(value, file, protocol=2)
        Writer(file, protocol=2).dump({"step": 8, "w": Storage(b"", "k", 100)})
        pickle.dump(["k"], file, protocol=2)
        file.write((100).to_bytes(8, "little") + b"w" * 100)
    assert (only(tmp_path).whole, only(tmp_path).step) == (True, 8)
    os.truncate(path, path.stat().st_size - 1)
    assert "1 bytes of its tensors are missing" in only(tmp_path).why


def test_a_step_is_a_number_and_nothing_else():
    """Booleans, texts and broken numbers are no steps."""
    assert pickles.step_in({"step": True, "epoch": 4.0}) == 4
    assert pickles.step_in({"step": "7"}) is None
    assert pickles.step_in(["step"]) is None


def test_what_may_be_written_still_is_not_whole(tmp_path):
    """While a writer lives, two equal looks are asked for; once none lives, content decides."""
    (tmp_path / "last.pt").write_bytes(FILES["ckpt.pt"])
    records = Records(tmp_path / "x.json")
    (first,) = find(tmp_path, None, LONG_AGO)
    assert not judge(first, records, writer_alive=True).whole
    assert judge(first, records, writer_alive=True, last_look=first).whole
    (tmp_path / "last.pt").write_bytes(FILES["ckpt.pt"])
    os.utime(tmp_path / "last.pt", (1, 1))
    (second,) = find(tmp_path, None, LONG_AGO)
    assert not judge(second, records, writer_alive=True, last_look=first).whole
    assert judge(second, records, writer_alive=False).whole


def test_looking_passes_over_what_is_no_checkpoint_of_this_run(tmp_path):
    """Older files, tracked ones, caches, environments, half-written names and data are not looked at."""
    whole = FILES["ckpt.pt"]
    wanted = ["out/ckpt.pt", "runs/exp 1/last.pt", "run1/step-7.pth"]
    passed = [
        ".git/last.pt", ".cache/x/last.pt", "venv2/lib/last.pt", "tagged/last.pt", "__pycache__/last.pt",
        "out/last.tmp.pt", "out/.last.pt",
        "out/trainer_state.json", "out/rng_state.pth", "out/last-steps.json",
        "out/config.json", "data/tokens.bin", "repo/last.pt", "out/old-last.pt",
    ]  # fmt: skip
    for name in wanted + passed:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(whole)
    (tmp_path / "venv2/pyvenv.cfg").write_text("")
    (tmp_path / "tagged/CACHEDIR.TAG").write_text("")
    (tmp_path / "data/plain.pt").write_bytes(torch_zip([1, 2, 3]))
    os.utime(tmp_path / "out/old-last.pt", (100, 100))
    trainer(tmp_path / "repo/checkpoint-5", 5)
    found = find(tmp_path, None, time.time() - 60, {"repo/last.pt", "repo/checkpoint-5/trainer_state.json"})
    sure = {str(one.path.relative_to(tmp_path)) for one in found if one.is_sure}
    assert sure == set(wanted)
    unsure = [one for one in found if not one.is_sure]
    assert [one.path.name for one in unsure] == ["plain.pt"]
    verdict = judge(unsure[0], Records(tmp_path / "x.json"), writer_alive=False)
    assert (verdict.whole, verdict.is_ours) == (False, False)


def test_a_link_to_a_checkpoint_is_no_second_one(tmp_path):
    """Lightning's last.ckpt may be a link to the newest; one that leads elsewhere is found by its own name."""
    (tmp_path / "code/run").mkdir(parents=True)
    for name in ("code/run/step=5.ckpt", "far.ckpt"):
        (tmp_path / name).write_bytes(torch_zip({"global_step": 5}))
    (tmp_path / "code/run/last.ckpt").symlink_to("step=5.ckpt")
    (tmp_path / "code/last-far.ckpt").symlink_to(tmp_path / "far.ckpt")
    (tmp_path / "code/last-gone.ckpt").symlink_to(tmp_path / "gone.ckpt")
    assert set(judged(tmp_path / "code")) == {"run/step=5.ckpt", "last-far.ckpt"}


def test_a_folder_of_somebodys_own_is_no_half_trainer(tmp_path):
    """checkpoint-5 with files of other names is judged by them; with less than a Trainer writes, it is half."""
    (tmp_path / "checkpoint-5").mkdir()
    (tmp_path / "checkpoint-5/brain.pt").write_bytes(torch_zip({"a": 1}))
    assert "nobody saw it whole" in only(tmp_path).why
    (tmp_path / "checkpoint-5/training_args.bin").write_bytes(torch_zip({"a": 1}))
    assert "trainer_state.json is missing" in only(tmp_path).why


def test_a_glob_overrides_looking(tmp_path):
    """What the glob names counts, whatever its name or age; what lies inside a found folder does not again."""
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights/a.pt").write_bytes(torch_zip({"anything": 1}))
    os.utime(tmp_path / "weights/a.pt", (100, 100))
    trainer(tmp_path / "weights/checkpoint-5", 5)
    (tmp_path / "last.pt").write_bytes(FILES["ckpt.pt"])
    for ours in (".podkeep/jobs/x/kept/last.pt/step-1.pt", ".git/last.pt", ".podkeep-aside-1-last.pt"):
        (tmp_path / ours).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / ours).write_bytes(FILES["ckpt.pt"])
    assert set(judged(tmp_path, "**/*.pt")) == {"last.pt", "weights/a.pt", "weights/checkpoint-5"}
    assert {name: one.whole for name, one in judged(tmp_path, "weights/**").items()} == {
        "weights/a.pt": True,
        "weights/checkpoint-5": True,
    }


def test_order_is_by_step_not_by_spelling_or_time(tmp_path):
    """checkpoint-1000 is after checkpoint-999, also when a copying tool turned their times around."""
    for step in (999, 1000, 20):
        at = trainer(tmp_path / f"checkpoint-{step}", step)
        for path in at.iterdir():
            os.utime(path, (5000 - step, 5000 - step))
    found = find(tmp_path, None, LONG_AGO)
    assert [step for _, step in in_order((one, one.step) for one in found)] == [20, 999, 1000]
    assert [one.step for one, _ in in_order((one, None) for one in found)] == [1000, 999, 20]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("step-1.npz", odd_zip(b"abc")),
        ("step-1.npz", odd_zip(b"\x93NUMPY\x01\x00\x05\x00{'a'" + bytes(20))),
        ("ckpt.json", b'{"step": 1e999}'),
        ("ckpt.pkl", pickle.dumps({"step": float("inf")})),
        ("ckpt.pkl", pickle.dumps({"epoch": float("nan")})),
    ],
)
def test_an_odd_file_hides_no_other(tmp_path, name, data):
    """Whatever a file holds, judging it gives a verdict: a look that fails would see no checkpoint at all."""
    (tmp_path / name).write_bytes(data)
    trainer(tmp_path / "checkpoint-7", 7)
    steps = [one.step for one in judged(tmp_path).values() if one.whole]
    assert 7 in steps


def test_a_tensor_of_an_absurd_length_is_no_whole_file(tmp_path):
    """torch before 1.6, with a count that no file could hold and no reference to tell the right one."""
    head = b"".join(dumps(one) for one in (0x1950A86A20F9469CFC6C, 1001, {}, {"step": 1}, ["k", "l"]))
    (tmp_path / "ckpt-1.pth").write_bytes(head + b"\xff" * 8 + bytes(64))
    assert not only(tmp_path).whole


def test_a_look_at_many_folders_may_be_ended(tmp_path):
    """A tree on a slow mount takes minutes to walk: whoever looks is asked at each folder whether to go on."""
    for number in range(50):
        (tmp_path / f"data-{number}" / "more").mkdir(parents=True)
    asked = []

    def beat():
        asked.append(1)
        if len(asked) == 30:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        find(tmp_path, None, LONG_AGO, beat=beat)
    assert len(asked) == 30


def test_a_number_under_a_long_name_is_no_step(tmp_path):
    """flax: the name before it was the step's, and a name of more than 31 bytes is none that is read."""
    long = b"\xd9\x28" + b"n" * 40
    (tmp_path / "checkpoint_7.msgpack").write_bytes(
        b"\x83\xa4step\x07" + long + b"\x63" + b"\xa1w\xc4\x03abc"
    )
    assert (only(tmp_path).whole, only(tmp_path).step) == (True, 7)
