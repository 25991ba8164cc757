"""Ends itself with SIGABRT, as a native library does that finds something wrong."""

import os

os.abort()
