"""Videos of the scenes of a film, joined to one without encoding anything again."""
