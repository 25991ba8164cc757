"""HDF5, as Keras and h5py write it: the first block says where the file ends, and newer ones whether it was closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from pod_agent.outputs.checkpoints.candidate import NotWhole
from pod_agent.outputs.checkpoints.reading import check_tail, opened

if TYPE_CHECKING:
    from pod_agent.outputs.checkpoints.candidate import Candidate, Entry, Seen

_MAGIC = b"\x89HDF\r\n\x1a\n"
_OLD = {0: 24, 1: 28}  # where the addresses begin
_NEW = {2, 3}
_WRITING = 0b101  # opened for writing, or for writing beside readers, and not closed
_ROOT = 8  # from the end of the addresses to where the root's entry names its header


class Hdf5File:
    name = "HDF5, Keras weights"
    endings = (".h5", ".hdf5")

    def claims(self, entry: Entry) -> bool:
        return not entry.is_folder and entry.name.endswith(self.endings)

    def check(self, found: Candidate, seen: Seen) -> int | None:
        size = found.size_bytes
        with opened(found) as file:
            head = file.read(128)
            if not head.startswith(_MAGIC):
                raise NotWhole("it does not begin like an HDF5 file")
            version = head[8]
            if version in _NEW:
                wide, begin = head[9], 12
                if version > min(_NEW) and head[11] & _WRITING:
                    raise NotWhole("its writer never closed it")
                end = _address(head, begin + 2 * wide, wide)
                root = _address(head, begin + 3 * wide, wide)
            elif version in _OLD:
                wide, begin = head[13], _OLD[version]
                end = _address(head, begin + 2 * wide, wide)
                root = _address(head, begin + 4 * wide + wide, wide)
            else:
                raise NotWhole("its first block cannot be read")
            if end != size:
                raise NotWhole(f"its first block promises {end} bytes and it has {size}")
            _check_root(file, root, size)
            check_tail(file, size, len(head), seen)
        return None


def _address(head: bytes, at: int, wide: int) -> int:
    return int.from_bytes(head[at : at + wide], "little")


def _check_root(file: BinaryIO, root: int, size: int) -> None:
    """The first object is no hole: it begins with its version, or with its four letters."""
    file.seek(min(root, size))
    begin = file.read(4)
    if begin[:1] != b"\x01" and begin != b"OHDR":
        raise NotWhole("its first object is missing")
