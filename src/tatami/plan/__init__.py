"""From a Network to numbers: cost, memory, receptive field."""
