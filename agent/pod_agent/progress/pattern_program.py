"""The user's pattern at work in a process of its own: a pattern that never ends may be killed there.

Lines come on stdin, the pattern first, each as JSON; for each there is an answer: what the named groups hold, or null.
Standard library only. Not here: the time limit, which is the other side's.
"""

from __future__ import annotations

import json
import re
import sys


def main() -> None:
    pattern = re.compile(json.loads(sys.stdin.readline()))
    for asked in sys.stdin:
        found = [pattern.search(text) for text in json.loads(asked)]
        said = [None if one is None else one.groupdict() for one in found]
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
