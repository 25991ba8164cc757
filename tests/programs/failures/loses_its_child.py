"""Waits for what another process hands over; that one is killed before it has said anything."""

import multiprocessing
import os
import signal


def work(pipe):
    pipe.recv()
    os.kill(os.getpid(), signal.SIGKILL)


here, there = multiprocessing.Pipe()
child = multiprocessing.Process(target=work, args=(there,))
child.start()
there.close()
here.send("begin")
print("got", here.recv())
