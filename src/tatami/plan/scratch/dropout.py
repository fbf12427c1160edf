"""DROPOUT: its mask, which lives from the forward to the backward pass."""

from __future__ import annotations


def mask_bytes(values: int, batch: int) -> int:
    """Bytes of one bit for each of ``values`` of each sample."""
    return (values * batch + 7) // 8
