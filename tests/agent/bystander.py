"""A training that somebody began by hand, which nobody of podkeep started. For tests."""

from __future__ import annotations

import subprocess
import sys
import threading

TRAINING = "import sys\nprint('step 1', flush=True)\nsys.stdin.read()\nprint('the last step')\nsys.exit(3)\n"


class Training:
    """A program that nobody of us started; it goes on until it is told to."""

    def __init__(self, output=subprocess.DEVNULL, errors=None):
        argv = [sys.executable, "-c", TRAINING]
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=output, stderr=errors or output, start_new_session=True
        )
        self.pid = self.process.pid
        self.burial = threading.Thread(target=self.process.wait, daemon=True)
        self.burial.start()

    def ends(self):
        self.process.stdin.close()

    def close(self):
        self.process.kill()
        self.burial.join()
        for end in (self.process.stdin, self.process.stdout, self.process.stderr):
            if end is not None:
                end.close()
