"""Uploads are decoded and computed in a process of their own: it may be stopped, and may fail, at any time."""
