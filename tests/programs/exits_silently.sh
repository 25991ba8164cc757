# Succeeds without a word.
exit 0
