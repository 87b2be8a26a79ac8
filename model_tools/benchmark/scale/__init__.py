"""How batches grow: what they cost here, measured, and a model of it that predicts other numbers of machines."""
