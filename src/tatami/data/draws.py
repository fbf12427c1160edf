"""Random numbers by counter: each is a function of where it is used, not of what was drawn before.

A sample that is drawn in another batch, by another thread or after a resumed run gets the same numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_GOLDEN = 0x9E3779B97F4A7C15  # 2**64 divided by the golden ratio, made odd
_MASK = 2**64 - 1


def uniform(seed: int, epoch: int, indices: NDArray[np.int64], stream: int, count: int) -> NDArray[np.float64]:
    """Numbers of each sample, evenly from [0, 1).

    Each sample has a SplitMix64 generator of its own (Steele, Lea & Flood 2014, Fast Splittable Pseudorandom Number
    Generators, figure 16), whose seed is a hash of ``seed``, ``epoch``, ``stream`` and the sample's index.

    Args:
        seed: of the run.
        epoch: number of the epoch.
        indices: int (n,), which samples.
        stream: what the numbers are for; different streams are independent.
        count: how many numbers a sample.

    Returns:
        float64 (n, count), in steps of 2**-53; the first numbers are the same for any ``count``.
    """
    key = np.zeros(1, np.uint64)
    for value in (seed, epoch, stream):
        key = _absorb(key, np.array([value & _MASK], np.uint64))
    keys = _absorb(key, np.asarray(indices).astype(np.uint64))  # (n,)
    counters = np.arange(count, dtype=np.uint64)  # (count,)
    bits = _absorb(keys[:, None], counters) >> np.uint64(11)  # (n, count)
    return bits.astype(np.float64) * 2.0**-53


def even(count: int) -> int:
    """How many uniform numbers :func:`normal` takes for at least ``count`` normal ones."""
    return count + count % 2


def normal(u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn uniform numbers (n, 2k) into as many from the normal distribution of mean 0 and std 1.

    Source: Box & Muller 1958, A Note on the Generation of Random Normal Deviates, equation 1.
    """
    half = u.shape[1] // 2
    radius = np.sqrt(-2 * np.log1p(-u[:, :half]))  # of 1 - u, which is never 0
    angle = 2 * np.pi * u[:, half:]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _absorb(key: NDArray[np.uint64], value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The output number ``value``, counted from 0, of the SplitMix64 generator whose seed is ``key``."""
    return _mix64(key + (value + np.uint64(1)) * np.uint64(_GOLDEN))


def _mix64(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Stafford's variant 13 of MurmurHash3's finaliser; ``mix64`` in Steele, Lea & Flood 2014, figure 16."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
