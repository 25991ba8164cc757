"""Shared memory that is larger than /dev/shm: the kernel notices when it is written."""

from multiprocessing import shared_memory

block = shared_memory.SharedMemory("podkeep-test", create=True, size=4 << 20)
for at in range(0, 4 << 20, 4096):
    block.buf[at] = 1
