"""Notices a package that has been building from its sources for minutes, from the installer's own words.

Pure: output and a clock come in, one line for the log comes out, once for each package. Compilers of GPU code take an
hour and say nothing; most who wait for them could have had a wheel.
"""

from __future__ import annotations

import re

SLOW_S = 180.0
_BEGINS = (
    re.compile(r"Building (?:wheel|editable) for (\S+)(?: \([^)]*\))?: started"),
    re.compile(r"Running setup\.py (?:install|bdist_wheel) for (\S+): started"),
    re.compile(r"^ *Building ([A-Za-z0-9][\w.-]*)(?:==| @ )"),
)
_ENDS = (
    re.compile(r"Building (?:wheel|editable) for (\S+)(?: \([^)]*\))?: finished"),
    re.compile(r"Running setup\.py (?:install|bdist_wheel) for (\S+): finished"),
    re.compile(r"^ *Built ([A-Za-z0-9][\w.-]*)(?:==| @ )"),
)
_RELEASES = "its releases page has wheels by CUDA, torch and Python version: put that wheel's URL in the list"
ADVICE = {
    "apex": "torch has had fused optimizers and mixed precision of its own for long; else use an image that has apex",
    "auto-gptq": "pin a version that has wheels for this torch, or use gptqmodel",
    "bitsandbytes": "every release has a wheel: loosen the pin, or drop the git URL",
    "causal-conv1d": _RELEASES,
    "deepspeed": "it is sources only, yet quick with DS_BUILD_OPS=0 (its default): its kernels are then built at use",
    "detectron2": "use an image that has it, or a wheel built for this torch",
    "flash-attn": f"{_RELEASES}; torch's scaled_dot_product_attention needs none",
    "grpcio": "pin a version that has a wheel for this Python",
    "llama-cpp-python": "its own index has CUDA wheels: name it in PIP_EXTRA_INDEX_URL",
    "mamba-ssm": _RELEASES,
    "mmcv": "its own index has wheels by CUDA and torch: name it in PIP_FIND_LINKS",
    "natten": "its own page has wheels by CUDA and torch: name it in PIP_FIND_LINKS",
    "pytorch3d": "use an image that has it, or a wheel built for this torch",
    "torch-cluster": "its own page has wheels by torch and CUDA: name it in PIP_FIND_LINKS",
    "torch-scatter": "its own page has wheels by torch and CUDA: name it in PIP_FIND_LINKS",
    "torch-sparse": "its own page has wheels by torch and CUDA: name it in PIP_FIND_LINKS",
    "transformer-engine": "install transformer-engine[pytorch] on an image with the matching CUDA headers",
    "vllm": "every release has a wheel for one torch: leave torch's pin to it",
    "xformers": "each version has a wheel for one torch: pin the one for this image's torch",
}
USUAL = "pin a version that has a wheel for this Python"


class SlowBuilds:
    """One run of an installer."""

    def __init__(self) -> None:
        self._rest = ""
        self._began: dict[str, float] = {}
        self._said: set[str] = set()

    def hear(self, data: bytes, now: float) -> tuple[str, ...]:
        """What to say now, given what was written meanwhile (perhaps nothing)."""
        if data:
            *lines, self._rest = (self._rest + data.decode("utf-8", "replace")).split("\n")
            self._rest = self._rest[-1000:]
            for line in lines:
                self._line(line.rstrip("\r"), now)
        late = [name for name, began in self._began.items() if now - began >= SLOW_S]
        fresh = [name for name in late if name not in self._said]
        self._said.update(fresh)
        return tuple(self._words(name, now - self._began[name]) for name in fresh)

    @property
    def building(self) -> str | None:
        """A slow one that is still under way."""
        return next((name for name in self._said if name in self._began), None)

    def _line(self, line: str, now: float) -> None:
        for pattern in _ENDS:
            if found := pattern.search(line):
                self._began.pop(found[1], None)
        for pattern in _BEGINS:
            if found := pattern.search(line):
                self._began.setdefault(found[1], now)

    @staticmethod
    def _words(name: str, seconds: float) -> str:
        advice = ADVICE.get(re.sub(r"[-_.]+", "-", name).lower(), USUAL)
        return f"{name} has been building from its sources for {seconds / 60:.0f} minutes; usual: {advice}"
