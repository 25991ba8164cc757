"""Reads data that is not there."""

with open("data/train.bin", "rb") as file:
    file.read()
