# Opens its standard error by name, which empties a regular file.
for i in $(seq 1 200); do
    echo "out $i"
    echo "err $i" >/dev/stderr
done
