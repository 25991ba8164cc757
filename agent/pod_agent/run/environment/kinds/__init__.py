"""What a job's packages may be listed in: one file per kind, behind the protocol in ``kind``.

Nothing is imported here; ``recognise`` chooses among them.
"""
