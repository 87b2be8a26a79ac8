"""The live settings of a run, through real models, files and threads."""
