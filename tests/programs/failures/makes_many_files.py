"""Makes small files until the file system takes no more of them."""

import sys

for number in range(10000):
    open(f"{sys.argv[1]}/{number}", "w").close()
