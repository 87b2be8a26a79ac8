"""The library: a whole video, or many, in one call."""
