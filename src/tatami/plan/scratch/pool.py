"""POOL: what its kernels keep of each maximum."""

from __future__ import annotations

from tatami.network.layers import Pool, product


def place_bytes(layer: Pool) -> int:
    """Bytes of the place of a maximum within its window: 2 where the window has more than 256 places."""
    return 1 if product(layer.kernel_size) <= 256 else 2
