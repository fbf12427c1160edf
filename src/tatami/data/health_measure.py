"""One pass over the samples of a split, a block at a time: what is needed to judge them, perhaps from a memory map.

Letters: N samples, C channels.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tatami.data.dataset import Array

DIGEST = 16  # bytes: two different samples among 10^9 agree by chance with a probability of 10^-21
_BLOCK = 2**20


@dataclass(frozen=True, eq=False)
class Measured:
    """What one pass has found. Figures are on the scale of the raw samples and leave out those that are not finite.

    Attributes:
        digests: of each sample's bytes (BLAKE2b); N of them.
        finite: bool (N,), whether a sample is free of NaN and infinity.
        means: (N, C), of each sample; 0 where it is not finite.
        spreads: (N, C), the highest less the lowest value of each sample.
        low, high: (C,), over all samples.
        mean, std: (C,), over all samples.
    """

    digests: list[bytes]
    finite: NDArray[np.bool_]
    means: NDArray[np.float64]
    spreads: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    @property
    def constant(self) -> NDArray[np.bool_]:
        """Bool (N,): finite samples whose every channel has one value throughout."""
        return self.finite & ~self.spreads.any(axis=1)

    @property
    def still(self) -> NDArray[np.bool_]:
        """Bool (C,): channels that never vary, or by rounding only; as ``Preprocess`` has it."""
        return self.std <= 1e-6 * np.abs(self.mean)


def measure(x: Array) -> Measured:
    """Measure samples (N, ..., C), uint8 or float32, in float64.

    Mean and std of blocks are put together as in Chan, Golub & LeVeque 1979, Updating Formulae, equation 2.1.
    """
    count, channels = len(x), x.shape[-1]
    digests: list[bytes] = []
    finite = np.ones(count, bool)
    means, spreads = np.zeros((count, channels)), np.zeros((count, channels))
    low, high = np.full(channels, np.inf), np.full(channels, -np.inf)
    seen, mean, squares = 0, np.zeros(channels), np.zeros(channels)
    rows = max(1, _BLOCK // max(1, x[:1].size))
    for start in range(0, count, rows):
        raw = np.ascontiguousarray(x[start : start + rows])
        flat = raw.reshape(len(raw), -1).view(np.uint8)
        digests += [hashlib.blake2b(sample.data, digest_size=DIGEST).digest() for sample in flat]
        values = raw.reshape(len(raw), -1, channels).astype(np.float64)  # (rows, positions, C)
        good = np.isfinite(values).all(axis=(1, 2))
        values, part = values[good], start + np.flatnonzero(good)
        finite[start : start + rows] = good
        if not len(values):
            continue
        lowest, highest = values.min(axis=1), values.max(axis=1)
        means[part], spreads[part] = values.mean(axis=1), highest - lowest
        low, high = np.minimum(low, lowest.min(axis=0)), np.maximum(high, highest.max(axis=0))
        size = values.shape[0] * values.shape[1]
        block_mean = values.mean(axis=(0, 1))
        step = block_mean - mean
        squares += np.square(values - block_mean).sum(axis=(0, 1)) + step**2 * seen * size / (seen + size)
        mean = mean + step * size / (seen + size)
        seen += size
    return Measured(digests, finite, means, spreads, low, high, mean, np.sqrt(squares / max(seen, 1)))
