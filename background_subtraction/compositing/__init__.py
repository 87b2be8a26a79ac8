"""From a matte and a background to a composite."""
