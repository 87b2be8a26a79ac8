"""The tool `compose`: clips whose true alpha is known."""
