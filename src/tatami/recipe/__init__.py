"""How to train, as plain data."""
