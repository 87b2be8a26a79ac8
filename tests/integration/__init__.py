"""Commands and library calls as their users make them."""
