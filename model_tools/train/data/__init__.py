"""The clips of a training."""
