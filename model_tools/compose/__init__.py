"""Clips with a known alpha, and the synthesis that training shares."""
