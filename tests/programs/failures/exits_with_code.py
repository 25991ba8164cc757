"""Leaves with a code of its own, without a word."""

raise SystemExit(3)
