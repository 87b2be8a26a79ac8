"""Backgrounds, and the person over them."""
