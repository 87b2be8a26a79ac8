"""Scenes of films: where a film is cut, and each scene as a source with exactly its frames."""
