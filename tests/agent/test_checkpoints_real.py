"""What the real libraries write: found, judged whole at its step, and not whole where it is cut.

DeepSpeed and Lightning's sharded strategies need GPUs; their folders are made by hand from their documented names, in
``checkpoint_samples.py``.
"""

from __future__ import annotations

import importlib.util
import os
import pickle
import shutil
import subprocess
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path

import pytest

from pod_agent.outputs.checkpoints.find import find
from pod_agent.outputs.checkpoints.judge import judge
from pod_agent.outputs.checkpoints.layout import Layouts
from pod_agent.outputs.checkpoints.records import Records
from tests.story.seen import dice

pytestmark = [pytest.mark.torch, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def judged(folder):
    """Name -> whole, step, format of all that is found, with no writer alive and nothing seen before."""
    told = {}
    for one in find(folder, None, 0.0):
        found = judge(one, Records(Path("/none")), writer_alive=False)
        told[str(one.path.relative_to(folder))] = (
            (found.whole, found.step, one.format.name) if found.whole else found.why
        )
    return told


def cut_each(folder, name):
    """Each file of a checkpoint, cut anywhere: never whole."""
    rng = dice(name)
    kept = folder.parent / "kept"
    shutil.copytree(folder, kept, dirs_exist_ok=True)
    path = folder / name
    for file in [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file()):
        size = file.stat().st_size
        for cut in {0, 1, size - 1, *(rng.randrange(size) for _ in range(20))}:
            os.truncate(file, cut)
            assert isinstance(judged(folder).get(name, ""), str), f"{file} cut to {cut} of {size}"
            shutil.copy2(kept / file.relative_to(folder), file)


@contextmanager
def alone(tmp_path):
    """A process group of one process, on the CPU."""
    dist = pytest.importorskip("torch.distributed")
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1)
    try:
        yield
    finally:
        dist.destroy_process_group()


def test_accelerate(tmp_path):
    """save_state, with safetensors or without, with a scheduler and an object of one's own."""
    accelerate, torch = pytest.importorskip("accelerate"), pytest.importorskip("torch")

    class Counter:
        def state_dict(self):
            return {"count": 1}

    accelerator = accelerate.Accelerator(cpu=True)
    model = torch.nn.Linear(64, 64)
    optimizer = torch.optim.AdamW(model.parameters())
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 1)
    model, optimizer, scheduler = accelerator.prepare(model, optimizer, scheduler)
    counter = Counter()
    counter.load_state_dict = None
    accelerator.register_for_checkpointing(counter)
    model(torch.ones(2, 64)).sum().backward()
    optimizer.step()
    code = tmp_path / "code"
    accelerator.save_state(str(code / "out/checkpoints/checkpoint_3"))
    accelerator.save_state(str(code / "step_4"), safe_serialization=False)
    assert judged(code) == {
        "out/checkpoints/checkpoint_3": (True, 3, "Accelerate"),
        "step_4": (True, 4, "Accelerate"),
    }
    cut_each(code, "out/checkpoints/checkpoint_3")


def test_lightning(tmp_path):
    """ModelCheckpoint's files, and last.ckpt: all at their global step."""
    torch, lightning = pytest.importorskip("torch"), pytest.importorskip("lightning")
    callbacks = pytest.importorskip("lightning.pytorch.callbacks")

    class Model(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(8, 1)

        def training_step(self, batch, _index):
            return self.layer(batch).sum()

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters())

    code = tmp_path / "code"
    saver = callbacks.ModelCheckpoint(dirpath=code, save_last=True, save_top_k=-1, every_n_train_steps=2)
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = lightning.Trainer(
        max_epochs=2, accelerator="cpu", devices=1, default_root_dir=tmp_path, callbacks=[saver], **quiet
    )
    trainer.fit(Model(), torch.utils.data.DataLoader(torch.randn(8, 8), batch_size=2))
    assert judged(code) == {
        "epoch=0-step=2.ckpt": (True, 2, "torch.save"),
        "epoch=0-step=4.ckpt": (True, 4, "torch.save"),
        "epoch=1-step=6.ckpt": (True, 6, "torch.save"),
        "epoch=1-step=8.ckpt": (True, 8, "torch.save"),
        "last.ckpt": (True, 8, "torch.save"),
    }
    cut_each(code, "last.ckpt")


def test_torch(tmp_path):
    """torch.save in both formats, of tensors of several kinds and of whole modules."""
    torch = pytest.importorskip("torch")
    half = torch.randn(33).half()
    value = {
        "step": 11,
        "w": torch.randn(500),
        "half": half,
        "view": half[3:9],
        "flag": torch.ones(7, dtype=torch.bool),
    }
    torch.save(value, tmp_path / "ckpt-11.pt")
    torch.save(value, tmp_path / "ckpt-12.pt", _use_new_zipfile_serialization=False)
    torch.save(torch.nn.Linear(3, 3), tmp_path / "ckpt-13.pt", _use_new_zipfile_serialization=False)
    code = tmp_path / "code"
    code.mkdir()
    for path in tmp_path.glob("*.pt"):
        path.rename(code / path.name)
    assert judged(code) == {
        f"ckpt-{n}.pt": (True, s, "torch.save") for n, s in ((11, 11), (12, 11), (13, 13))
    }
    for number in (11, 12, 13):
        cut_each(code, f"ckpt-{number}.pt")


def test_distributed(tmp_path):
    """torch.distributed.checkpoint, also of a model that FSDP shards: the step lies in the name or in the content."""
    torch = pytest.importorskip("torch")
    dcp = pytest.importorskip("torch.distributed.checkpoint")
    mesh = pytest.importorskip("torch.distributed.device_mesh")
    states = pytest.importorskip("torch.distributed.checkpoint.state_dict")
    fsdp = pytest.importorskip("torch.distributed.fsdp")
    code = tmp_path / "code"
    with alone(tmp_path):
        model = torch.nn.Linear(64, 64)
        dcp.save({"model": model.state_dict()}, checkpoint_id=code / "step-7")
        dcp.save({"model": model.state_dict(), "app": {"global_step": 8}}, checkpoint_id=code / "latest")
        fsdp.fully_shard(model, mesh=mesh.init_device_mesh("cpu", (1,)))
        optimizer = torch.optim.Adam(model.parameters())
        weights, state = states.get_state_dict(model, optimizer)
        dcp.save({"model": weights, "optimizer": state}, checkpoint_id=code / "fsdp/step-9")
    kind = "torch.distributed.checkpoint"
    assert judged(code) == {
        "step-7": (True, 7, kind),
        "latest": (True, 8, kind),
        "fsdp/step-9": (True, 9, kind),
    }
    cut_each(code, "fsdp/step-9")


def test_a_run_s_distributed_ones_are_followed_once(tmp_path):
    """What torch writes differs from save to save in texts at the end alone, also where the step grows longer."""
    torch = pytest.importorskip("torch")
    dcp = pytest.importorskip("torch.distributed.checkpoint")
    code, layouts = tmp_path / "code", Layouts()
    with alone(tmp_path):
        model = torch.nn.Linear(64, 64)
        for step in (5, 300, 70_000):
            app = {"step": step, "loss": 1 / step}
            dcp.save({"model": model.state_dict(), "app": app}, checkpoint_id=code / f"step-{step}")
    for step in (5, 300, 70_000):
        folder = code / f"step-{step}"
        promised = layouts.read(folder / ".metadata", (folder / ".metadata").stat().st_size)
        sizes = {path.name: path.stat().st_size for path in folder.glob("*.distcp")}
        assert {name: piece.at + piece.length for name, piece in promised.last.items()} == sizes
    assert layouts.followed == 1
    assert judged(code)["step-70000"][:2] == (True, 70_000)


def test_keras(tmp_path):
    """Keras 3 with torch beneath: a model, its weights, and the older HDF5."""
    if importlib.util.find_spec("keras") is None:
        pytest.skip("keras is not here: pip install -r tests/torch.txt")
    program = (
        "import sys, keras, numpy\n"
        "m = keras.Sequential([keras.layers.Input((8,)), keras.layers.Dense(64), keras.layers.Dense(1)])\n"
        "m.compile('adam', 'mse')\n"
        "m.fit(numpy.ones((4, 8)), numpy.ones((4, 1)), verbose=0)\n"
        "m.save('ckpt-1.keras'); m.save_weights('ckpt-2.weights.h5'); m.save('ckpt-3.h5')\n"
    )
    code = tmp_path / "code"
    code.mkdir()
    env = {**os.environ, "KERAS_BACKEND": "torch", "KERAS_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program], cwd=code, env=env, check=True, capture_output=True)
    assert judged(code) == {
        "ckpt-1.keras": (True, 1, "Keras"),
        "ckpt-2.weights.h5": (True, 2, "HDF5, Keras weights"),
        "ckpt-3.h5": (True, 3, "HDF5, Keras weights"),
    }
    for name in ("ckpt-1.keras", "ckpt-2.weights.h5", "ckpt-3.h5"):
        cut_each(code, name)


def test_hdf5(tmp_path):
    """Old and new first blocks; a file that is still open for writing is not whole, whatever its length."""
    h5py, numpy = pytest.importorskip("h5py"), pytest.importorskip("numpy")
    code = tmp_path / "code"
    code.mkdir()
    for number, version in enumerate(("earliest", "v110", "latest"), 1):
        with h5py.File(code / f"ckpt-{number}.h5", "w", libver=version) as file:
            file.create_dataset("a", data=numpy.random.rand(1000), chunks=(100,), compression="gzip")
    names = [f"ckpt-{number}.h5" for number in (1, 2, 3)]
    assert judged(code) == {name: (True, n, "HDF5, Keras weights") for n, name in enumerate(names, 1)}
    for name in names:
        cut_each(code, name)
    with h5py.File(code / "ckpt-3.h5", "a", libver="latest") as file:
        file["b"] = numpy.random.rand(10)
        file.flush()
        shutil.copy(code / "ckpt-3.h5", code / "ckpt-4.h5")
    assert "never closed" in judged(code)["ckpt-4.h5"]


def test_numpy_and_pickles(tmp_path):
    """numpy's arrays, joblib's and scikit-learn's models, plain or packed in every way joblib offers."""
    numpy, joblib = pytest.importorskip("numpy"), pytest.importorskip("joblib")
    ensemble = pytest.importorskip("sklearn.ensemble")
    code = tmp_path / "code"
    code.mkdir()
    model = ensemble.RandomForestClassifier(5).fit(numpy.random.rand(200, 8), numpy.random.randint(0, 3, 200))
    kinds = {
        "fortran": numpy.asfortranarray(numpy.random.rand(20, 30)),
        "objects": numpy.array([None, "x"], dtype=object),
        "texts": numpy.array(["ab", "c"]),
        "rows": numpy.ones(3, dtype=[("a", "f4"), ("b", "i8", (2,))]),
    }
    told = {"step": 5, "model": model, **kinds}
    joblib.dump(told, code / "ckpt.joblib")
    for how in ("zlib", "gzip", "bz2", "lzma", "xz"):
        joblib.dump(told, code / f"ckpt-{how}.pkl", compress=(how, 3))
    (code / "ckpt-plain.pkl").write_bytes(pickle.dumps(told))
    numpy.savez(code / "ckpt.npz", step=5, w=numpy.ones(10))
    numpy.savez_compressed(code / "ckpt-small.npz", step=5, w=numpy.ones(10))
    for name, array in kinds.items():
        numpy.save(code / f"{name}-ckpt-5.npy", array, allow_pickle=True)
    found = judged(code)
    assert {name: one[:2] for name, one in found.items()} == dict.fromkeys(found, (True, 5))
    assert len(found) == 13
    for name in found:
        cut_each(code, name)


def test_safetensors(tmp_path):
    """A file, and a model that transformers has cut into shards."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    safetensors = pytest.importorskip("safetensors.torch")
    code = tmp_path / "code"
    (code / "step_3").mkdir(parents=True)
    safetensors.save_file({"a": torch.randn(2000)}, code / "ckpt-2.safetensors")
    config = transformers.GPT2Config(n_layer=2, n_embd=32, n_head=2, vocab_size=200, n_positions=32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transformers.GPT2LMHeadModel(config).save_pretrained(code / "step_3", max_shard_size="60KB")
    assert len(list((code / "step_3").glob("model-*-of-*.safetensors"))) > 1
    assert judged(code)["ckpt-2.safetensors"] == (True, 2, "safetensors")
    assert judged(code)["step_3"] == "nobody saw it whole, and nothing in it lists its files"
    next((code / "step_3").glob("model-00002*")).unlink()
    assert "is missing" in judged(code)["step_3"]
