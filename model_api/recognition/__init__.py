"""What a network is and how it is read: known networks, what its file says, which output is the mask."""
