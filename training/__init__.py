"""Makes the bundled models: networks, data, losses, training and export. Needs PyTorch, an extra."""
