"""Imports a package that nobody has installed."""

import nothing_of_that_name
