"""Keras 3: a network as a program of its own. Nothing here imports keras."""
