"""Says why on its last line and leaves with exit code 1."""

import sys

print("reading the settings")
sys.exit("the settings name no learning rate")
