"""A wrapper around the true error, as `raise from` makes it."""


def load(path):
    try:
        return open(path).read()
    except OSError as error:
        raise RuntimeError("the training could not be set up") from error


load("settings.yaml")
