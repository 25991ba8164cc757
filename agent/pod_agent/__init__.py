"""The agent: a process on the pod that carries one job through its phases, then switches the pod off.

Four folders answer four questions: ``run`` what a job goes through, ``outputs`` what it leaves behind,
``pod`` how the machine is, ``api`` who may ask what.
"""
