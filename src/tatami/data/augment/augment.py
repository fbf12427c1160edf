"""A chain of transforms, seeded for each sample by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tatami.data.augment.mixup import Mix, draw_mix
from tatami.data.augment.transform import Transform
from tatami.data.dataset import Array, Kind
from tatami.data.draws import uniform
from tatami.errors import OptionError


@dataclass(frozen=True)
class Augment:
    """Transforms of raw samples, one after another, and mixup of standardised ones.

    What becomes of a sample depends on the seed, the epoch and the sample's index, never on the batch that it is in.
    Whom it is mixed with does depend on the batch.

    Attributes:
        kind: of the samples.
        transforms: in their order.
        mixup: alpha of the beta distribution of mixup's shares; 0 mixes nothing.
    """

    kind: Kind
    transforms: tuple[Transform, ...] = ()
    mixup: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.mixup < np.inf:
            raise OptionError("impossible mixup", got=self.mixup, expected="a number from 0")

    def __call__(self, x: Array, seed: int, epoch: int, indices: NDArray[np.int64]) -> Array:
        """Transform a batch.

        Args:
            x: raw samples, (n, H, W, C) uint8 or float32, or (n, L, C) float32; left as they are.
            seed: of the run.
            epoch: number of the epoch.
            indices: int64 (n,), which samples these are.

        Returns:
            Samples of the same dtype and shape; ``x`` itself where there is no transform.
        """
        for stream, transform in enumerate(self.transforms):
            x = transform(x, uniform(seed, epoch, indices, stream, transform.draws(x.shape[1:])))
        return x

    def mix(self, seed: int, epoch: int, indices: NDArray[np.int64]) -> Mix | None:
        """How a batch is mixed, to be applied after preprocessing; None where nothing is."""
        return draw_mix(self.mixup, seed, epoch, indices) if self.mixup and len(indices) > 1 else None

    def describe(self) -> str:
        """What is done, in words: ``shift 2, rotate 10°, scale 0.9-1.1``, or ``none``."""
        mixup = [f"mixup {self.mixup:g}"] if self.mixup else []
        return ", ".join([*map(str, self.transforms), *mixup]) or "none"
