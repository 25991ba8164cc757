"""One file per format of checkpoint. What a new one has to answer is in ``form.py``, the list in ``known.py``."""
