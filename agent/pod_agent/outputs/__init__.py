"""What a job leaves behind: its log and its checkpoints.

Knows nothing of the machine it runs on (``pod``) nor of the order of things (``run``).
"""
