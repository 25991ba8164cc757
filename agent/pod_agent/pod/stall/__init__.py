"""The stall brake: does the running job still show any sign of life, and what was to be seen of it when it did not?

``raw`` is what was read, ``measure`` makes readings of it, ``fold`` counts the silence, ``words`` says it, ``watch``
does it all, ``evidence`` gathers what goes into the log. Not here: what becomes of the job (``run.stalls``).
"""
