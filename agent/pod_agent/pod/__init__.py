"""How the machine is: which boot this is, who owns a job's folder, and how the pod is stopped.

Knows nothing of jobs' phases (``run``) nor of what they leave behind (``outputs``).
"""
