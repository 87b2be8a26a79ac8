"""What may change while a run goes on: settings, presets, and the way that each frame goes with its own settings."""
