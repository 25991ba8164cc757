"""Three processes: one fails, and the others then miss it."""

import os
import sys
import time

read, write = os.pipe()
children = []
for rank in range(3):
    pid = os.fork()
    if pid == 0:
        if rank == 1:
            os.close(write)
            time.sleep(0.1)
            raise ValueError("sample 17 of rank 1 has no label")
        os.close(write)
        os.read(read, 1)
        raise RuntimeError("[../gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:29500")
    children.append(pid)
os.waitpid(children[1], 0)
os.close(write)
codes = [os.waitpid(children[0], 0)[1], os.waitpid(children[2], 0)[1]]
sys.exit(1)
