"""Looking inside a trained network: what its layers answer, what they look at, and which units never speak."""
