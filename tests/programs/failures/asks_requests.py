"""Asks a server with requests."""

import sys

import requests

requests.get(sys.argv[1], timeout=float(sys.argv[2]) if sys.argv[2:] else 10).raise_for_status()
