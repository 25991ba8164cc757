"""A launcher: its child fails, and it only says that a child failed."""

import subprocess
import sys

subprocess.run([sys.executable, "-c", "import nothing_of_that_name"], check=True)
