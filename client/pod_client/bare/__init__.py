"""The agent for an image that is not ours: the start command that fetches it, and the bundle that this machine sends.

Made of podkeep's own installed files, so nothing has to be published and both sides are always of one version.
"""
