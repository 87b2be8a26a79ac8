"""Who converts the clips of a batch: threads here, processes here, or a cluster."""
