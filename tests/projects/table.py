"""The projects of this folder: how each is met amid its run, and what must be the same at its end.

One line each in docs/projects.md comes from here. How a project is run and resumed is its own pod.toml.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

HERE = Path(__file__).parent


class Kill(StrEnum):
    """Who dies by SIGKILL."""

    TRAINING = "training"  # the process that trains; make, torchrun or papermill above it live to see it
    CONTAINER = "container"  # PID 1 and all with it; the container's disk, and so the environment, is kept
    WIPED = "wiped container"  # the same, and the container's disk is new


@dataclass(frozen=True, slots=True)
class Project:
    """A training project as a stranger would bring it."""

    folder: str
    packaging: str
    framework: str
    resumes: str  # how the program finds its way back
    compared: str  # what is the same at the end, and why not more
    progress: str  # matches a line of its log, and the number in it that grows
    met: tuple[float, float]  # it is stopped when that number is between these; the first save is before
    same: str = ""  # weights of the undisturbed run and of this one: equal bit by bit
    metric: str = ""  # or a number in the log, the last of it
    tolerance: float = 0.0
    worker: str = "train.py"  # is in the command line of the process that trains
    kills: tuple[Kill, ...] = (Kill.TRAINING,)
    alone: str = ""  # the undisturbed run's command where it is not the pod's
    submodule: str = ""  # this folder of it is a repository of its own
    locked: bool = False  # `uv lock` is run before it is committed
    pair: tuple[str, ...] = ()  # of one save, in this order: killed in between, the framework goes wrong

    @property
    def path(self) -> Path:
        return HERE / self.folder

    @property
    def row(self) -> str:
        """Its line in docs/projects.md."""
        link = f"[{self.folder}](../tests/projects/{self.folder})"
        return f"| {link} | {self.packaging} | {self.framework} | {self.resumes} | {self.compared} |"


BITS = "every weight, bit by bit"

PROJECTS = (
    Project(
        folder="hf_trainer",
        packaging="requirements.txt, all of it in the image",
        framework="Hugging Face Trainer",
        resumes="`--resume` of its own, which becomes `resume_from_checkpoint=True`: it looks in its folder",
        compared=BITS,
        progress=r"^\{'loss'.*'epoch': '?([\d.]+)",  # an epoch is 32 steps
        met=(0.19, 0.5),
        same="out/final/model.safetensors",
    ),
    Project(
        folder="accelerate_loop",
        packaging="requirements/train.txt with `-r` and `-c`",
        framework="Accelerate, own loop, `save_state`",
        resumes="`--resume_from_checkpoint {checkpoint}`, amid an epoch",
        compared=BITS,
        progress=r"^epoch \d+ step (\d+) ",
        met=(6, 24),
        same="runs/final/model.safetensors",
    ),
    Project(
        folder="lightning_last",
        packaging="requirements.txt",
        framework="Lightning, `last.ckpt`",
        resumes='`ckpt_path="last"`: the same command looks by itself',
        compared=BITS,
        progress=r"^epoch (\d+) ",
        met=(2, 15),
        same="final.pt",
    ),
    Project(
        folder="nanogpt",
        packaging="none",
        framework="torch, own loop, one `ckpt.pt` rewritten",
        resumes="`--init_from=resume`: it looks in `out/`",
        compared="last step; validation loss within 0.15, as it saves no random state and so draws other batches",
        progress=r"^iter (\d+): ",
        met=(7, 24),
        metric=r"^step 60: val loss ([\d.]+)$",
        tolerance=0.15,
        kills=(Kill.TRAINING, Kill.CONTAINER),
    ),
    Project(
        folder="dcp_folder",
        packaging="requirements.txt in a sub-folder",
        framework="torch.distributed.checkpoint",
        resumes="`--resume {checkpoint}`, a folder",
        compared=BITS,
        progress=r"^step (\d+) loss",
        met=(6, 24),
        same="research/dcp/final.pt",
    ),
    Project(
        folder="numpy_npz",
        packaging="requirements.txt with small packages, installed",
        framework="numpy, `.npz`",
        resumes="`--resume {checkpoint}`",
        compared=BITS,
        progress=r"^step (\d+): ",
        met=(7, 25),
        same="final.npz",
        kills=(Kill.TRAINING, Kill.WIPED),
    ),
    Project(
        folder="sklearn_joblib",
        packaging="none; `setup` makes the data",
        framework="scikit-learn `partial_fit`, joblib",
        resumes="`--from {checkpoint}`",
        compared=BITS,
        progress=r"^epoch (\d+) accuracy",
        met=(2, 18),
        same="final.npz",
        worker="fit.py",
        kills=(Kill.WIPED,),
    ),
    Project(
        folder="makefile",
        packaging="a Makefile",
        framework="torch, `.pth`",
        resumes="`RESUME={checkpoint}`, a variable of make",
        compared=BITS,
        progress=r"^\[(\d+)/\d+\] mse",
        met=(6, 22),
        same="build/final.pth",
        worker="scripts/train.py",
        kills=(Kill.TRAINING, Kill.TRAINING),
    ),
    Project(
        folder="notebook",
        packaging="none",
        framework="a notebook in numpy, by papermill",
        resumes="it looks for its own newest file",
        compared=BITS,
        progress=r"^epoch (\d+): error",
        met=(2, 16),
        same="factors.npz",
        worker="ipykernel",
        alone="papermill train.ipynb out.ipynb --no-progress-bar --stdout-file - -p epochs 40",
        kills=(Kill.CONTAINER,),
    ),
    Project(
        folder="submodule",
        packaging="none; the training code is a git submodule",
        framework="torch, `latest.pth` replaced by renaming",
        resumes="`--auto-resume`: it looks for its own file",
        compared=BITS,
        progress=r"^Iter \[(\d+)/",
        met=(6, 22),
        same="work_dirs/blobs/final.pt",
        worker="run.py",
        submodule="engine",
    ),
    Project(
        folder="src_layout",
        packaging="pyproject.toml (PEP 621, setuptools), src/ layout",
        framework="torch, the older pickle format, names of its own",
        resumes="`--restore {checkpoint}`, found by `checkpoints`",
        compared=BITS,
        progress=r"^step (\d+): loss",
        met=(6, 22),
        same="runs/bigram/final.pt",
        worker="tinylm.train",
    ),
    Project(
        folder="uv_lock",
        packaging="uv.lock",
        framework="torch, sharded safetensors",
        resumes="`--resume-from {checkpoint}`, a folder",
        compared=BITS,
        progress=r"^step (\d+): loss",
        met=(5, 18),
        same="outputs/final/model.safetensors",
        locked=True,
        kills=(Kill.CONTAINER,),
    ),
    Project(
        folder="torchrun_script",
        packaging="none; a shell script",
        framework="torchrun, DDP, one `snapshot.pt` rewritten",
        resumes="it loads the snapshot when it is there",
        compared=BITS,
        progress=r"Epoch (\d+) \| loss",
        met=(2, 16),
        same="final.pt",
        worker="multi.py",
    ),
    Project(
        folder="keras_backup",
        packaging="requirements.txt",
        framework="Keras on torch, `BackupAndRestore`",
        resumes="it looks for its own backup",
        compared=BITS,
        progress=r"^Epoch (\d+)/",
        met=(3, 9),
        same="final.npz",
        pair=("backup/latest.weights.h5", "backup/training_metadata.json"),
    ),
    Project(
        folder="peft_lora",
        packaging="requirements.txt",
        framework="PEFT (LoRA) in a Trainer",
        resumes="`--resume {checkpoint}`, a folder with the adapter alone",
        compared=BITS,
        progress=r"^step (\d+) loss",
        met=(5, 12),
        same="out/final/adapter_model.safetensors",
        worker="finetune.py",
    ),
)
