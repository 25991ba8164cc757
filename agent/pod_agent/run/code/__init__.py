"""Brings the job's code to where it runs, whatever kind of source it comes from.

Nothing is imported here: a restart that finds its code there has no time for it.
"""
