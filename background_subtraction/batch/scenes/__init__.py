"""Films that are converted scene by scene: cut into clips, which any engine takes, and joined."""
