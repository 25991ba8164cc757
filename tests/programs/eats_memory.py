"""Takes memory until the kernel kills it."""

import sys

print("hungry", flush=True)
limit = int(sys.argv[1]) if len(sys.argv) > 1 else 1 << 40
eaten = []
while sum(map(len, eaten)) < limit:
    eaten.append(b"\x01" * (4 << 20))
print("still alive")
