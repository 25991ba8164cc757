# A copy that does not fit.
head -c 4000000 /dev/zero | cp /dev/stdin "$1/copy.bin"
