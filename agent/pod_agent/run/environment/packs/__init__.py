"""The packed copy of an environment: one large file on the workspace, which makes the next boot's install an unpacking.

Nothing is imported here.
"""
