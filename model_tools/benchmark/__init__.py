"""Speed: the bare network, the whole program and others, in turns."""
