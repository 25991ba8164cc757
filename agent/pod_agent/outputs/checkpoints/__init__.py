"""Which checkpoints are there, and which of them are whole. One file per format.

Decides by content alone; never deletes, never unpickles, never imports torch.
"""
