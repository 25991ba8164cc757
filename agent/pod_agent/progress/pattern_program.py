"""The user's pattern at work in a process of its own: a pattern that never ends may be killed there.

Lines come on stdin, first the pattern and its seconds, each as JSON; for each there is an answer: what the named groups
hold, or null. Time of the CPU is what counts, so that a busy machine is not taken for a bad pattern: SIGPROF ends this
process when its own is up. Standard library only. Not here: how long the other side waits.
"""

from __future__ import annotations

import json
import re
import signal
import sys


def main() -> None:
    text, seconds = json.loads(sys.stdin.readline())
    pattern = re.compile(text)
    for asked in sys.stdin:
        signal.setitimer(signal.ITIMER_PROF, seconds)
        found = [pattern.search(line) for line in json.loads(asked)]
        said = [None if one is None else one.groupdict() for one in found]
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()
        signal.setitimer(signal.ITIMER_PROF, 0)


if __name__ == "__main__":
    main()
