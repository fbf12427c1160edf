"""The model of a network: layers with pure rules, no arrays."""
