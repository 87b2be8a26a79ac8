"""Damaged files for the real command: made from a seed, run under limits, and counted by what came of them."""
