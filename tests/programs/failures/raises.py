"""Raises, some calls deep, and a library's frames are the last."""

import json


def settings(text):
    return json.loads(text)


settings("{'lr': 0.1}")
