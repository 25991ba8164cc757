# A download by curl.
curl -sSf -o data.bin "$1"
