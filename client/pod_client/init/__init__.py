"""`pod-client init`: reads a repository and writes a pod.toml for it.

Nothing of the repository is imported or run; files are read as text, and Python by ``ast``.
"""
