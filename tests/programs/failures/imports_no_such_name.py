"""Imports a name that the installed version has not."""

from json import dumps_faster
