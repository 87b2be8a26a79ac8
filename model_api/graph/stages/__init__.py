"""A recurrent network cut into stages, so that two frames of a clip are computed at once."""
