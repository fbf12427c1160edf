"""The definitions in plain NumPy, one screen a layer."""
