"""safetensors: a header of known length that names the last byte there must be, then the numbers."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints.candidate import NotWhole
from pod_agent.outputs.checkpoints.reading import check_tail, opened

if TYPE_CHECKING:
    from pod_agent.outputs.checkpoints.candidate import Candidate, Entry, Seen

_OFFSETS = re.compile(rb'"data_offsets"\s*:\s*\[\s*\d+\s*,\s*(\d+)\s*\]')
_HEADER_LIMIT = 100_000_000  # safetensors' own
_SHORT = 128 << 10


class SafetensorsFile:
    name = "safetensors"
    endings = (".safetensors",)

    def claims(self, entry: Entry) -> bool:
        return not entry.is_folder and entry.name.endswith(self.endings)

    def check(self, found: Candidate, seen: Seen) -> int | None:
        size = found.size_bytes
        with opened(found) as file:
            length = int.from_bytes(file.read(8), "little")
            if not len(b"{}") <= length <= min(_HEADER_LIMIT, size - 8):
                raise NotWhole("its header is cut off")
            header = file.read(length)
            if not (header.startswith(b"{") and header.rstrip().endswith(b"}")):
                raise NotWhole("its header cannot be read")
            wanted = 8 + length + (_last_known(header) if length <= _SHORT else _last(header))
            if wanted != size:
                raise NotWhole(f"its header promises {wanted} bytes and it has {size}")
            check_tail(file, size, 8 + length, seen)
        return None


def _last(header: bytes) -> int:
    """Where the last number ends."""
    return max(map(int, _OFFSETS.findall(header)), default=0)


_last_known = functools.lru_cache(maxsize=16)(_last)  # a run's checkpoints have one header, to the last byte
