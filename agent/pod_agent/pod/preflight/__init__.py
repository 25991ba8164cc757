"""What is looked at before a training costs money: one file per thing that may be wrong, each a pure verdict on facts.

What is done about a verdict belongs to the job (``run.readiness``).
"""
