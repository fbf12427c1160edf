"""Readers of images and signals, and the built-in samples."""
