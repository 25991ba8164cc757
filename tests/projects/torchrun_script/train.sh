#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")"
export OMP_NUM_THREADS=1
torchrun --standalone --nproc_per_node 1 multi.py 40 "$@"
