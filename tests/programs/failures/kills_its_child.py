"""A launcher whose child is killed, and which says so."""

import subprocess
import sys

subprocess.run([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], check=True)
