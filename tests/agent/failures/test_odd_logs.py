"""Logs that mislead: chained and interleaved tracebacks, quotations, launchers, words that only speak of an error."""

from __future__ import annotations

import pytest

from pod_agent.run.failures.classify import classify
from pod_agent.run.failures.evidence import Disk, Evidence
from pod_agent.run.failures.failure import Again, Kind

HEAD = "Traceback (most recent call last):\n"
FRAME = '  File "/job/train.py", line 7, in step\n    loss.backward()\n'
DIRECT = "\nThe above exception was the direct cause of the following exception:\n\n"
DURING = "\nDuring handling of the above exception, another exception occurred:\n\n"
OOM = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.64 GiB "
OOM += "of which 1.02 GiB is free.\n"


def trace(error: str, prefix: str = "") -> str:
    text = HEAD + FRAME + error + "\n"
    return "".join(f"{prefix}{line}\n" for line in text.splitlines())


def of(text: str | bytes, code: int | None = 1, signal: str | None = None, **more):
    tail = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    return classify(Evidence(code, signal, "signalled" if signal else "exited", tail=tail, **more))


def mixed(first: str, second: str) -> str:
    """Two processes that write line by line in turn."""
    ours, theirs = first.splitlines(), second.splitlines()
    both = [line for pair in zip(ours, theirs, strict=False) for line in pair]
    return "\n".join([*both, *ours[len(theirs) :], *theirs[len(ours) :]]) + "\n"


LOST = "RuntimeError: [../gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:4"
BAR = "\r 40%|####      | 40/100 [00:01<00:02, 30.1it/s]"
CASES = {
    "its numbers": (
        trace(OOM),
        Kind.GPU_MEMORY,
        "tried to allocate 2.00 GiB; the GPU has 23.64 GiB, of which 1.02 GiB",
    ),
    "explicit chain": (
        trace(OOM) + DIRECT + trace("RuntimeError: training failed"),
        Kind.GPU_MEMORY,
        "; then Runtime",
    ),
    "cleanup after it": (
        trace(OOM) + DURING + trace("torch.distributed.DistBackendError: NCCL"),
        Kind.GPU_MEMORY,
        "2.00",
    ),
    "a fallback that failed": (
        trace("ImportError: no apex") + DURING + trace(OOM),
        Kind.GPU_MEMORY,
        "2.00 GiB",
    ),
    "gated, not its status": (
        trace("requests.exceptions.HTTPError: 401 Client Error: Unauthorized for url: u")
        + DIRECT
        + trace("huggingface_hub.errors.GatedRepoError: 401 Client Error. (Request ID: x)")
        + DIRECT
        + trace("OSError: You are trying to access a gated repo.\nMake sure to have access to it at u"),
        Kind.GATED,
        "GatedRepoError",
    ),
    "ranks in turn": (mixed(trace("ValueError: bad sample"), trace(LOST)), Kind.EXCEPTION, "bad sample"),
    "ranks in turn, again": (
        mixed(trace(LOST), trace("ValueError: bad sample")),
        Kind.EXCEPTION,
        "bad sample",
    ),
    "ranks with names": (
        mixed(trace(LOST, "[rank0]: "), trace("KeyError: 'x'", "[rank3]: ")),
        Kind.EXCEPTION,
        "KeyError: 'x' (train.py line 7)",
    ),
    "all ranks lost": (
        trace(LOST, "[rank0]: ") + trace(LOST, "[default1]:[rank1]: "),
        Kind.RANKS,
        "closed by peer",
    ),
    "launcher": (
        trace("ValueError: bad sample")
        + trace("torch.distributed.elastic.multiprocessing.errors.ChildFailedError: "),
        Kind.EXCEPTION,
        "bad sample",
    ),
    "loader": (
        trace(
            "KeyError: Caught KeyError in DataLoader worker process 0.\nOriginal "
            + trace("KeyError: 'label'")
        ),
        Kind.EXCEPTION,
        "KeyError: 'label'",
    ),
    "on the bar's line": (BAR + trace("KeyError: 'x'"), Kind.EXCEPTION, "KeyError: 'x'"),
    "the bar once more": (BAR + trace(OOM) + BAR + "\n", Kind.GPU_MEMORY, "2.00 GiB"),
    "went on": (
        trace(OOM) + "step 8 loss 0.5\nstep 9 loss 0.4\n" + trace("OSError: no"),
        Kind.EXCEPTION,
        "OSError: no",
    ),
    "went on, then silence": (
        trace(OOM) + "step 8 loss 0.5\nstep 9 loss 0.4\n",
        Kind.UNKNOWN,
        "exit code 1: step 9",
    ),
    "only spoken of": (
        "hint: lower it on CUDA out of memory\nno data left\n",
        Kind.UNKNOWN,
        "exit code 1: no data left",
    ),
    "quoted in another": (
        trace("ValueError: after CUDA out of memory. we stop"),
        Kind.EXCEPTION,
        "ValueError",
    ),
    "a destructor": (
        trace(OOM) + "Exception ignored in: <x>\n" + trace("TypeError: 'NoneType'"),
        Kind.GPU_MEMORY,
        "2",
    ),
    "a logger": (
        "--- Logging error ---\n" + trace("OSError: x") + trace("KeyError: 'a'"),
        Kind.EXCEPTION,
        "KeyError",
    ),
    "no text": (
        b"\xff\xfe\x00" + trace("KeyError: '\udcff'").encode("utf-8", "surrogateescape"),
        Kind.EXCEPTION,
        "Key",
    ),
    "a box": (
        "╭───── Traceback (most recent call last) ─────╮\n│ train.py:3 in f │\n╰──────────╯\nKeyError: 'x'\n",
        Kind.EXCEPTION,
        "KeyError: 'x'",
    ),
    "xid after a fault": (
        trace("torch.AcceleratorError: CUDA error: unspecified launch failure")
        + "[123.4] NVRM: Xid (PCI:0000:41:00): 79, GPU has fallen off the bus.\n",
        Kind.DRIVER,
        "Xid",
    ),
    "one step in a message": (
        trace("ValueError: what was told:\nstep 7 loss 0.5"),
        Kind.EXCEPTION,
        "what was told",
    ),
    "code with steps in it": (
        trace("ValueError: rank 1 fails")
        + HEAD
        + FRAME
        + "    step = 1\n    step = 2\n    step = 3\n"
        + LOST
        + "\n",
        Kind.EXCEPTION,
        "rank 1 fails",
    ),
    "arguments below a launcher": (
        "usage: train.py [-h]\ntrain.py: error: unrecognized arguments: --x\n"
        + trace("torch.distributed.elastic.multiprocessing.errors.ChildFailedError: ")
        + "train.py FAILED\n" * 20,
        Kind.ARGUMENTS,
        "--x",
    ),
    "an old missing file": (
        "cp: cannot stat 'a': No such file or directory\n" + "on we go\n" * 9,
        Kind.UNKNOWN,
        "on we",
    ),
    "flags": ("FATAL Flags parsing error:\n  Unknown command line flag 'x'\n", Kind.ARGUMENTS, "flag 'x'"),
    "a notebook": (
        "-" * 75 + "\nKeyError     Traceback (most recent call last)\nCell In[1], line 3\nKeyError: 'x'\n",
        Kind.EXCEPTION,
        "'x'",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_cause_is_found(name):
    """Of all that a log's end tells, the cause is named, not its echo and not what was survived."""
    text, kind, reason = CASES[name]
    found = of(text)
    assert found.kind is kind, found
    assert reason in found.reason, found


def test_an_outside_kill_is_one_whatever_the_log_says():
    """The traceback of an answered TERM, or an older one, does not make a kill the program's failure."""
    found = of(trace(OOM), 143, "TERM")
    assert (found.kind, found.again) == (Kind.KILLED, Again.FREELY)


def test_a_launcher_that_kills_itself_too_is_no_outsider():
    """Where one process failed and the launcher kills them all, that one is the cause; otherwise it is a kill."""
    said = "[rank: 1] Child process with PID 7 terminated with code 1. Forcefully terminating all other processes\n"
    assert of(trace("KeyError: 'x'") + said, 137, "KILL").kind is Kind.EXCEPTION
    assert of(said, 137, "KILL").kind is Kind.KILLED


def test_a_launcher_that_was_told_to_end_was_ended_from_outside():
    """torchrun that gets TERM ends its ranks and leaves with exit code 1: that is no failure of the program's."""
    listed = "  exitcode  : -15 (pid: 9)\n  traceback : Signal 15 (SIGTERM) received by PID 9\n"
    told = trace("torch.distributed.elastic.multiprocessing.api.SignalException: Process 8 got signal: 15")
    for text in (told, listed, told + listed):
        assert (of(text).kind, of(text).again) == (Kind.KILLED, Again.FREELY), text


def test_a_loss_that_was_no_number_is_told():
    """An error of another kind after the loss became nan says so; one after a number does not."""
    assert "the last loss was no number" in of("step 3 loss: nan\n" + trace("ValueError: x")).reason
    assert "no number" not in of("step 3 loss: nan\nstep 4 loss: 0.5\n" + trace("ValueError: x")).reason
    assert "no number" not in of("step 4 | loss 1e-3\n" + trace("ValueError: x")).reason


def test_a_crash_after_an_error_that_was_survived_is_a_crash():
    """Python's fault trace tells that it crashed amid its work; one without a frame crashed on its way out."""
    fault = "Fatal Python error: Segmentation fault\n\nThread 0x1 (most recent call first):\n"
    amid = of(trace("KeyError: 'x'") + fault + '  File "/job/train.py", line 9 in f\n', 139, "SEGV")
    leaving = of(trace("KeyError: 'x'") + fault + "  <no Python frame>\n", 139, "SEGV")
    assert amid.kind is Kind.CRASH
    assert leaving.kind is Kind.EXCEPTION


def test_an_oom_kill_does_not_explain_a_misspelt_option():
    """The count of kills is the whole container's: it explains what vanished, not what said why it ended."""
    usage = "usage: train.py [-h]\ntrain.py: error: unrecognized arguments: --x\n"
    known = {"exit_code": 2, "reason": "oom"}
    assert classify(Evidence(**known, tail=usage.encode())).kind is Kind.ARGUMENTS
    assert (
        classify(Evidence(**known, tail=trace("RuntimeError: a worker is gone").encode())).kind
        is Kind.HOST_MEMORY
    )
    assert classify(Evidence(137, "KILL", "oom", tail=usage.encode())).kind is Kind.HOST_MEMORY


def test_a_full_disk_is_named():
    """Which disk has no room is said; a silent end on a full disk is a full disk."""
    disks = (Disk("/dev/shm", 9 << 30, None, 9 << 30), Disk("the workspace", 0, 100, 20 * 10**9))
    found = of(trace("OSError: [Errno 28] No space left on device: 'x.pt'"), disks=disks)
    assert "the workspace has 0 bytes of 20.0 GB free" in found.reason
    assert of("", 1, disks=disks).kind is Kind.DISK_FULL
    assert of("", 1, disks=(Disk("the workspace", None),)).kind is Kind.UNKNOWN


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/dev/shm/a", Kind.SHARED_MEMORY),
        ("/psm_1a2b", Kind.SHARED_MEMORY),
        ("/torch_7_8_0", Kind.SHARED_MEMORY),
        ("/data/torch_runs/a.pt", Kind.DISK_FULL),
        ("/data/dev/shm.bin", Kind.DISK_FULL),
    ],
)
def test_shared_memory_is_known_by_where_the_path_begins(path, kind):
    """A folder of the user's that is called torch_runs is none; its disk is full."""
    assert of(trace(f"OSError: [Errno 28] No space left on device: '{path}'")).kind is kind


def test_what_fitted_once_may_fit_again():
    """GPU memory that ran out before anything was saved will run out again; later it is tried again after progress."""
    first, later = of(trace(OOM), lived_s=12.0), of(trace(OOM), saved=True, lived_s=7200.0)
    assert (first.again, later.again) == (Again.NEVER, Again.WITH_PROGRESS)
    assert "after 12 s:" in first.reason
    assert "after 12 s before any step was told:" in of(trace(OOM), lived_s=12.0, stepped=False).reason
    assert "after 120 min" in later.reason
