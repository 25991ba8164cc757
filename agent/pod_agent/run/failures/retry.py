"""The retry table: for each class its words, whether it would come again, what another attempt needs, what to do.

docs/failures.md is printed from it. Not here: finding the class (``classify``), tries and progress (``endings``).
"""

from __future__ import annotations

from pod_agent.run.failures.failure import Again, Failure, Kind
from pod_wire.frozen import dataclass

SET_RESUME = "set POD_RESUME so that the job goes on from its newest whole checkpoint"
READ_LOG = "the log's last lines say why"
NEVER, PROGRESS, FREELY = Again.NEVER, Again.WITH_PROGRESS, Again.FREELY
ANEW = "give a new order (pod-client up)"


@dataclass(frozen=True, slots=True)
class Rule:
    """One line. ``later``: what another attempt needs where this one had saved a newer whole checkpoint."""

    title: str
    deterministic: bool
    again: Again
    remedy: str
    later: Again | None = None


RULES: dict[Kind, Rule] = {
    Kind.GPU_MEMORY: Rule(
        "GPU out of memory",
        deterministic=True,
        again=NEVER,
        later=PROGRESS,
        remedy="halve the batch size (gradient accumulation keeps the effective one), switch "
        "gradient checkpointing on, "
        "or take a GPU with more memory",
    ),
    Kind.HOST_MEMORY: Rule(
        "out of memory",
        deterministic=False,
        again=PROGRESS,
        remedy="make batches or workers smaller, or take a machine with more memory",
    ),
    Kind.SHARED_MEMORY: Rule(
        "shared memory is full (/dev/shm)",
        deterministic=True,
        again=NEVER,
        remedy="set num_workers=0 or fewer workers, or call "
        'torch.multiprocessing.set_sharing_strategy("file_system"): RunPod lets nobody choose the size of /dev/shm',
    ),
    Kind.NAN: Rule(
        "the loss is not a number",
        deterministic=False,
        again=NEVER,
        remedy="lower the learning rate, clip gradients, use bf16 instead of fp16, look at the data; "
        "then go on from a "
        "checkpoint before it (pod-client checkpoints)",
    ),
    Kind.DRIVER: Rule(
        "the GPU or its driver failed",
        deterministic=False,
        again=NEVER,
        remedy="take another machine: pod-client up --new-pod goes on from the newest checkpoint of "
        "the volume",
    ),
    Kind.GPU_FAULT: Rule(
        "the program failed on the GPU",
        deterministic=False,
        again=PROGRESS,
        remedy="an index out of range is the usual cause: run it once with CUDA_LAUNCH_BLOCKING=1, "
        "or on the CPU, to see "
        "the true line",
    ),
    Kind.NO_CUDA: Rule(
        "CUDA cannot be used here",
        deterministic=True,
        again=NEVER,
        remedy="the torch that is installed must fit the pod's driver and GPU: leave torch to the "
        "image, or install the "
        "build for its CUDA; pod-client status says which GPU the pod has",
    ),
    Kind.RANKS: Rule(
        "the ranks lost each other (NCCL or gloo)",
        deterministic=False,
        again=PROGRESS,
        remedy="look in the log for the rank that ended first; a slow one needs a longer timeout in "
        "init_process_group, "
        "and NCCL_DEBUG=WARN says more",
    ),
    Kind.PORT: Rule(
        "a network port is taken",
        deterministic=False,
        again=PROGRESS,
        remedy="let the system choose: torchrun --standalone, or another --master_port (MASTER_PORT)",
    ),
    Kind.DISK_FULL: Rule(
        "disk full",
        deterministic=True,
        again=NEVER,
        remedy="free space in the workspace or give the pod a larger mount, then run it again",
    ),
    Kind.QUOTA: Rule(
        "disk quota exceeded",
        deterministic=True,
        again=NEVER,
        remedy="free space on the volume or enlarge it (its size is in RunPod's console: df does not "
        "show it), then run "
        "it again",
    ),
    Kind.LIMIT: Rule(
        "too many open files, threads or processes",
        deterministic=False,
        again=PROGRESS,
        remedy="use fewer DataLoader workers, and OMP_NUM_THREADS=1; against open files: ulimit -n "
        "65536 before the command",
    ),
    Kind.LOGIN: Rule(
        "not logged in (401)",
        deterministic=True,
        again=NEVER,
        remedy="give the pod a token that is valid: HF_TOKEN for the Hub, WANDB_API_KEY for W&B, "
        "POD_GIT_TOKEN for git",
    ),
    Kind.FORBIDDEN: Rule(
        "no permission (403)",
        deterministic=True,
        again=NEVER,
        remedy="the token is known, but may not do this: give it the right (write, or this "
        "repository), or another token",
    ),
    Kind.GATED: Rule(
        "the repository is gated",
        deterministic=True,
        again=NEVER,
        remedy="open its page on the Hub, accept its terms with your account, and set HF_TOKEN to a "
        "token of that account",
    ),
    Kind.NOT_ON_SERVER: Rule(
        "not on the server, or private (404)",
        deterministic=True,
        again=NEVER,
        remedy="check name, revision and file for a misspelling; if it is private, set HF_TOKEN "
        "(git: POD_GIT_TOKEN)",
    ),
    Kind.DNS: Rule(
        "a host's name cannot be found (DNS)",
        deterministic=False,
        again=PROGRESS,
        remedy="check the host's name for a misspelling; where others fail too the pod has no "
        "network: pod-client up --new-pod",
    ),
    Kind.NETWORK: Rule(
        "a server cannot be reached",
        deterministic=False,
        again=PROGRESS,
        remedy=f"wait a little, then {ANEW}; where the server is yours, check address and port",
    ),
    Kind.SERVER: Rule(
        "a server refused for now (429 or 5xx)",
        deterministic=False,
        again=PROGRESS,
        remedy=f"wait until it is well again, then {ANEW}; after 429 ask more seldom, or with a token",
    ),
    Kind.IMPORT: Rule(
        "a module is missing",
        deterministic=True,
        again=NEVER,
        remedy="add its package to the requirements, or fix the version; a file of your own is "
        "looked for from POD_SUBDIR "
        "and in PYTHONPATH",
    ),
    Kind.SYNTAX: Rule(
        "the code cannot be read",
        deterministic=True,
        again=NEVER,
        remedy="correct the line, commit and push it, then run it again (python -m py_compile FILE "
        "shows it at home)",
    ),
    Kind.ARGUMENTS: Rule(
        "bad arguments",
        deterministic=True,
        again=NEVER,
        remedy="correct POD_COMMAND: the program's --help lists what it takes",
    ),
    Kind.PROGRAM: Rule(
        "a mistake in the code",
        deterministic=True,
        again=NEVER,
        remedy="correct the line, commit and push it, then run it again; where a library is called, "
        "look whether its "
        "version is the one you wrote for",
    ),
    Kind.SHAPE: Rule(
        "shapes do not fit",
        deterministic=True,
        again=NEVER,
        remedy="compare the two shapes in the reason with the model's settings and a batch (its last "
        "one may be smaller)",
    ),
    Kind.CHECKPOINT: Rule(
        "the checkpoint does not fit the model",
        deterministic=True,
        again=NEVER,
        remedy="run with the settings that it was saved with, or begin a new run: pod-client up --fresh",
    ),
    Kind.DAMAGED: Rule(
        "a saved file cannot be read",
        deterministic=True,
        again=NEVER,
        remedy="remove the file, or load another one (pod-client checkpoints says which are whole)",
    ),
    Kind.NO_FILE: Rule(
        "a file is missing",
        deterministic=True,
        again=NEVER,
        later=PROGRESS,
        remedy="check the path: relative ones count from POD_SUBDIR of the code; data comes with "
        "POD_REPO or a download "
        "in the command",
    ),
    Kind.PERMISSION: Rule(
        "a file may not be touched",
        deterministic=True,
        again=NEVER,
        remedy="write below the workspace, or change the file's owner or mode (chmod) in POD_SETUP",
    ),
    Kind.ASSERTION: Rule(
        "an assertion failed",
        deterministic=False,
        again=PROGRESS,
        remedy="the line in the reason says what did not hold; the log has the whole traceback",
    ),
    Kind.EXCEPTION: Rule(
        "the program ended with an error",
        deterministic=False,
        again=PROGRESS,
        remedy="the log's last lines have the whole traceback",
    ),
    Kind.CRASH: Rule(
        "the program crashed",
        deterministic=False,
        again=PROGRESS,
        remedy="the log ends with Python's fault trace; a native library is the usual cause",
    ),
    Kind.KILLED: Rule("killed from outside", deterministic=False, again=FREELY, remedy=SET_RESUME),
    Kind.TAKEN: Rule("the pod was taken from under it", deterministic=False, again=FREELY, remedy=SET_RESUME),
    Kind.LOST: Rule(
        "the exit is unknown", deterministic=False, again=FREELY, remedy="the log shows how far it came"
    ),
    Kind.STALLED: Rule(
        "no sign of life for POD_STALL_MINUTES",
        deterministic=False,
        again=FREELY,
        remedy="the stacks in the log say where it hung (docs/stall.md); where it was only slow, set POD_STALL_MINUTES "
        "higher",
    ),
    Kind.NO_COMMAND: Rule(
        "command not found",
        deterministic=True,
        again=NEVER,
        remedy="name a program that the image or the requirements install; paths count from POD_SUBDIR",
    ),
    Kind.NOT_EXECUTABLE: Rule(
        "the command cannot be executed",
        deterministic=True,
        again=NEVER,
        remedy="make the file executable (chmod +x), or call it through its interpreter",
    ),
    Kind.NOT_STARTED: Rule(
        "the command could not be started",
        deterministic=True,
        again=NEVER,
        remedy="see the log's last lines",
    ),
    Kind.UNKNOWN: Rule("unknown", deterministic=False, again=PROGRESS, remedy=READ_LOG),
}


def failure(kind: Kind, reason: str, *, remedy: str = "", saved: bool | None = None) -> Failure:
    """A failure of this class. ``saved``: whether the attempt left a newer whole checkpoint."""
    rule = RULES[kind]
    again = rule.later if saved and rule.later is not None else rule.again
    return Failure(kind, reason, remedy or rule.remedy, again)


def row(kind: Kind) -> str:
    """The class's line in docs/failures.md."""
    rule = RULES[kind]
    needs = {NEVER: "no", PROGRESS: "if it had saved", FREELY: "yes"}
    again = needs[rule.later or rule.again]
    same = "yes" if rule.deterministic else "perhaps"
    return f"| `{kind}` | {rule.title} | {same} | {again} | {rule.remedy} |"
