"""Wants more memory than its limit allows."""

import resource

resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
data = bytearray(2 << 30)
