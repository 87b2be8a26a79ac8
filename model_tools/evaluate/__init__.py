"""The tool `evaluate`: how good alphas are, in figures, curves and images."""
