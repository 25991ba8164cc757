"""Writes where nobody may."""

import sys

open(sys.argv[1] + "/model.bin", "wb")
