"""How far the training is: readings from its log and its files, and what they add up to.

Not here: the log itself (``outputs``), checkpoints, and what is done about a training that does not advance.
"""
