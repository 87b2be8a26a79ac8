"""What every model, source and sink promises: one suite for all implementations."""
