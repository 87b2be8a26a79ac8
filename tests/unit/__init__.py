"""Single parts."""
