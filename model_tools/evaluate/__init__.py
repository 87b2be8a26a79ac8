"""Quality: datasets, metrics, reports."""
