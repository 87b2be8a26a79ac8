"""Networks as graphs: how they are loaded, recognized, edited and made faster."""
