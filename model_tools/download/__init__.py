"""Published models: catalogue, download, cache."""
