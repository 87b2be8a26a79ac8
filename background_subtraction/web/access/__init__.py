"""Who may ask for what, and how much: tokens, names of the server, origins, limits, uploads, errors."""
