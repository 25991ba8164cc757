"""What a job goes through: code, environment, checkpoint, attempts, and the machine that orders them.

Imports ``outputs`` and ``pod``; nothing of ``api``.
"""
