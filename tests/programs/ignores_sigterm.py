"""Goes on when asked to end."""

import signal
import time

signal.signal(signal.SIGTERM, lambda *_: print("TERM? No.", flush=True))
print("ready", flush=True)
while True:
    time.sleep(60)
