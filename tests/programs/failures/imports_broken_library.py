"""Loads a native library that is not there."""

import ctypes

ctypes.CDLL("libcudart.so.99")
