"""What a pod of any image is started with: entrypoint and command, so that nothing of the image's own is left over.

No value of the user's is in it: the job travels in the environment, as with an image of ours.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

from pod_client.bare.bundle import FIND_PYTHON, make_bundle, shared

HERE = Path(__file__).resolve().parent


NOT_TAKEN = (
    "RunPod takes no start command here, which brings the agent: use an image that has it (docs/image.md), with"
    " --agent image"
)


class Start(TypedDict):
    """NewPod's fields."""

    entrypoint: tuple[str, ...]
    cmd: tuple[str, ...]


AS_IT_SAYS: Start = {"entrypoint": (), "cmd": ()}  # the image


def start_command() -> Start:
    """Finds the agent in the image, or brings that of this machine's podkeep."""
    script, program = ((HERE / name).read_text(encoding="utf-8") for name in ("bring.sh", "__main__.py"))
    find = shared(FIND_PYTHON).decode()
    return {"entrypoint": ("/bin/sh",), "cmd": ("-c", script, "podkeep", make_bundle().digest, program, find)}


def is_about_start(refusal: str) -> bool:
    """Whether it was the start command that RunPod did not take."""
    return any(f"'{name}'" in refusal or f".{name}" in refusal for name in AS_IT_SAYS)
