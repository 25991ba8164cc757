# A file that nobody can read.
printf 'def train(:\n    pass\n' >broken.py
python broken.py
