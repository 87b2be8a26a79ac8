"""Mattes, and how they are computed at the frame's size."""
