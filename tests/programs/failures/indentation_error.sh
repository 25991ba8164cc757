# A module that is imported, with a line too far to the right.
printf 'a = 1\n    b = 2\n' >crooked.py
python -c 'import crooked'
