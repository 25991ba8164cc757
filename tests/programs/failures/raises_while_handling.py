"""Tries a fast way, then another one, which fails by itself."""


def load():
    try:
        import flash_attn_of_nobody
    except ImportError:
        return open("no-such-weights.bin")


load()
