"""Writes numbered lines, so many, some per write, with a pause between the writes; ends early once a file exists."""

import os
import sys
import time

count, together, pause = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
for first in range(0, count, together):
    data = b"".join(b"line %09d\n" % number for number in range(first, min(first + together, count)))
    while data:
        data = data[os.write(1, data) :]
    if os.path.exists("enough"):
        break
    time.sleep(pause)
