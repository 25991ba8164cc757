"""Calls a function with an argument it does not know."""


def train(steps):
    return steps


train(steps=3, learning_rate=0.1)
