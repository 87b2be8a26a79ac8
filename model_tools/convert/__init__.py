"""Networks to IR."""
