"""Model files of every format: from a path to a graph."""
