"""Writes all 256 bytes, and broken beginnings of characters."""

import os

os.write(1, bytes(range(256)) + b"\xf0\x9f\n\xc3(\xa0\xff\xfe\r\n")
