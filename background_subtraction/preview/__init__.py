"""The window: the composite, keys, figures and graphs."""
