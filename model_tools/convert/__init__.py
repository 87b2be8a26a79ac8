"""The tool `convert`: a network becomes an IR that describes itself."""
