"""8-bit models."""
