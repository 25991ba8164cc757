"""Gives the job the packages it needs, in an environment of its own.

Nothing is imported here: a restart that finds its environment there has no time for it.
"""
