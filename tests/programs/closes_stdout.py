"""Closes its standard output and error, and works on in silence."""

import os
import sys
import time

print("last words", flush=True)
os.close(1)
os.close(2)
time.sleep(float(sys.argv[1]) if len(sys.argv) > 1 else 0.2)
os._exit(0)
