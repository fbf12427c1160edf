"""PyTorch: a network as a program of its own, out; any module, in. Only ``reading`` imports torch."""
