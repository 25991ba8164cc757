"""The receipt of a job: told from its record, journal, stays and course, and kept beside them on the workspace.

Pure but for ``chronicle``, which reads and writes. Not here: its values and words (``pod_wire``).
"""
