"""Single parts of the live settings."""
