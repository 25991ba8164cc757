"""Leaves a daemon behind: forked twice, in a session of its own, deaf to TERM when told so."""

import os
import signal
import sys
import time

here, there = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        if "deaf" in sys.argv:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.chdir("/")
        print(f"daemon {os.getpid()}", flush=True)
        os.write(there, b"!")
        while True:
            time.sleep(60)
    os._exit(0)
os.wait()
os.read(here, 1)  # it is a daemon by now
print("the command is done")
