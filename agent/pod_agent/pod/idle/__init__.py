"""The idle brake: is anybody or anything at work on this pod, and when does it stop if that stays so?

``raw`` is what was read, ``measure`` makes readings of it, ``fold`` remembers them, ``judge`` says when the pod stops,
``watch`` does it all in a thread. Not here: the stop itself, and a running job's silence.
"""
