"""What a model answers: alpha and foreground, at the frame's size."""
