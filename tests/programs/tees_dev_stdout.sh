# Writes every line twice, once through a file that it believes to be its own.
seq 1 2000 | tee /dev/stdout
