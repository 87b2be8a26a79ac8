"""The tool `benchmark`: how fast a model and the program are, measured in turns."""
