# The command itself is not shell.
bash -c 'for x in 1 2; do echo $x'
