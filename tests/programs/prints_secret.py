"""Prints a token from its environment, whole and in two writes."""

import os
import sys

token = os.environ["HF_TOKEN"]
print(f"logging in with {token}", flush=True)
sys.stdout.write(token[:7])
sys.stdout.flush()
sys.stdout.write(token[7:] + "\n")
