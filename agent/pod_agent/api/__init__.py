"""Who may ask what: the agent's HTTP face.

Reads frozen snapshots, posts events; a GET changes nothing.
"""
