"""A tiny language model."""
