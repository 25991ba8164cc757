"""Holds more files open than it may."""

import resource

resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
held = [open("/dev/null") for _ in range(100)]
