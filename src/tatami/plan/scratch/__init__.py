"""Bytes of memory that a layer's kernels on the CPU need while they run, as pure numbers."""
