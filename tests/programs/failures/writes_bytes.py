"""Bytes that are no text, colours, and an error among them."""

import sys

sys.stdout.buffer.write(bytes(range(256)) * 40 + b"\x1b[31m\xff\xfe\n")
sys.stdout.flush()
raise LookupError("no tokenizer \udcff \x1b[1mfits\x1b[0m")
