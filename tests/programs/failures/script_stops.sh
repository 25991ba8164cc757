# A script that stops at its first failing line.
set -e
cp /no/such/data.tar .
python train.py
