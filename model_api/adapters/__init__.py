"""Where networks run: on a device of this machine, or on a model server."""
