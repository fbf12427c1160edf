"""A digest of a data set, by which a resumed run knows that its data are still the same."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

from tatami.data import Dataset

MANY = 4096
"""The most samples of a split that are read for the digest, evenly spaced: large data would take minutes otherwise."""


def digest(dataset: Dataset) -> str:
    """32 hexadecimal digits from classes, targets, shapes, labels, and at most :data:`MANY` samples of each split."""
    found = blake2b(digest_size=16)
    found.update(repr((dataset.classes, dataset.targets)).encode())
    for name, split in dataset.splits():
        found.update(f"{name} {split.x.shape} {split.x.dtype}".encode())
        if split.y is not None:
            found.update(np.ascontiguousarray(split.y).tobytes())
        for row in np.unique(np.linspace(0, len(split) - 1, min(MANY, len(split))).astype(np.int64)):
            found.update(np.ascontiguousarray(split.x[row]).tobytes())
    return found.hexdigest()
