"""The code on this machine: what git says of it, what of it a pod gets, and how it gets there.

Nothing here knows pods or jobs beyond their names.
"""
