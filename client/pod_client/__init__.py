"""The command on the laptop: start a pod, follow it, ask it, end it.

The laptop may be closed as soon as the pod says it can stop itself; nothing here needs to keep running.
"""
