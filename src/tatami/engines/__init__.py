"""Arrays: the forward and backward passes of a network."""
