"""Made samples that can be learned, the same for every side: waves whose direction is the class, in noise."""

from __future__ import annotations

import numpy as np
from cases import Case

BATCHES = 4  # different ones, taken in turn
CLASSES = 10


def make_batches(case: Case, count: int = BATCHES) -> list[tuple[np.ndarray, np.ndarray]]:
    """Batches (x, y): x float32 (n, *spatial, C), y int64 (n,)."""
    network = case.network()
    shape, classes = network.input_shape, min(CLASSES, network.output_shape[-1])
    rng = np.random.default_rng(0)
    directions = rng.uniform(-1, 1, (classes, len(shape) - 1)).astype(np.float32)
    place = np.indices(shape[:-1], np.float32)  # (axes, *spatial)
    batches = []
    for _ in range(count):
        y = rng.integers(0, classes, case.batch)
        waves = np.cos(np.tensordot(directions[y], place, 1))[..., None]  # (n, *spatial, 1)
        batches.append((waves + rng.standard_normal((case.batch, *shape), np.float32), y))
    return batches
