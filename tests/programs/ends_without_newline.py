"""Ends in the middle of a line."""

print("50 %", end="")
