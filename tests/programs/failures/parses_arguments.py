"""A parser of arguments whose help speaks of errors of all kinds."""

import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--data", required=True)
parser.add_argument(
    "--batch-size", type=int, default=8, help='less, after "CUDA out of memory. Tried to allocate"'
)
parser.add_argument(
    "--model", choices=["small", "large"], help="large: RuntimeError: CUDA out of memory is likely"
)
parser.parse_args()
