"""A check of the program's own does not hold."""

tokens, vocabulary = 50304, 50257
assert tokens <= vocabulary, f"token {tokens} is not in the vocabulary of {vocabulary}"
