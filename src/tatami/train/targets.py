"""From labels to what the loss is taken on: rows of targets where labels are weighed, smoothed or mixed.

Letters: N samples of the data set, n of a batch, K classes, T targets of a regression.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tatami.data.augment import Mix
from tatami.errors import RunError
from tatami.train.config import ResolvedConfig

Rows = NDArray[np.float32]


def class_weights(y: NDArray[np.int64], classes: int) -> Rows:
    """N / (K * count) for each class: every class weighs the same in all, and a sample 1 on the average.

    Source: King & Zeng 2001, Logistic Regression in Rare Events Data, section 4, as scikit-learn's ``balanced``.
    """
    counts = np.bincount(y, minlength=classes)
    return (len(y) / (classes * np.maximum(counts, 1))).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Targets:
    """What the loss of a batch is taken on.

    Attributes:
        y: of all training samples: labels int64 (N,), or standardised targets of a regression float32 (N, T).
        table: float32 (K, K): the row of targets of each class; None where labels, or targets, stand as they are.
    """

    y: NDArray[Any]
    table: Rows | None = None

    @classmethod
    def of(cls, y: NDArray[Any], config: ResolvedConfig, classes: int, *, mixes: bool) -> Targets:
        """The targets that the settings ask for.

        With smoothing e, a label is 1 - e + e/K for its class and e/K for the others (Szegedy et al. 2015, Rethinking
        the Inception Architecture, section 7); its row is then multiplied by the weight of its class.
        """
        if y.ndim > 1 or not config.needs_rows(mixes):
            return cls(y)
        table = (1 - config.smoothing) * np.eye(classes, dtype=np.float32) + np.float32(config.smoothing / classes)
        if config.class_weight == "balanced":
            table *= class_weights(y, classes)[:, None]
        return cls(y, table.astype(np.float32))

    def __call__(self, indices: NDArray[np.int64], mix: Mix | None) -> NDArray[Any]:
        """The targets of a batch: (n,), (n, K) or (n, T); of mixed samples mixed alike."""
        chosen = self.y[indices]
        if self.table is not None:
            chosen = self.table[chosen]
        return chosen if mix is None else mix.blend(chosen)


@dataclass(frozen=True)
class Standard:
    """How the targets of a regression are standardised: ``(y - mean) / std``, measured on the training samples.

    Attributes:
        names: of the targets.
        mean, std: of each; a target that never varies has std 1.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def fit(cls, names: Sequence[str], y: NDArray[np.floating]) -> Standard:
        """Measure targets (N, T)."""
        values = y.astype(np.float64)
        mean, std = values.mean(axis=0), values.std(axis=0)
        std = np.where(std <= 1e-6 * np.abs(mean), 1.0, std)
        std = np.where(std == 0, 1.0, std)
        return cls(tuple(names), tuple(map(float, mean)), tuple(map(float, std)))

    def __call__(self, y: NDArray[np.floating]) -> Rows:
        """Standardise targets (n, T)."""
        standardised: Rows = ((y - np.asarray(self.mean)) / np.asarray(self.std)).astype(np.float32)
        return standardised

    def back(self, scores: NDArray[np.floating]) -> NDArray[np.floating]:
        """Scores (n, T) in the units of the targets."""
        values: NDArray[np.floating] = scores * np.asarray(self.std, scores.dtype) + np.asarray(self.mean, scores.dtype)
        return values

    def to_json(self) -> str:
        """For the head of a weights file."""
        return json.dumps({"names": self.names, "mean": self.mean, "std": self.std})

    @classmethod
    def from_json(cls, text: str, where: str) -> Standard:
        """Read back what :meth:`to_json` gave.

        Raises:
            RunError: it is damaged.
        """
        try:
            values = json.loads(text)
            lists = [values[key] for key in ("names", "mean", "std")]
            if len({len(one) for one in lists}) != 1:
                raise ValueError("lists of different lengths")
            return cls(tuple(map(str, lists[0])), tuple(map(float, lists[1])), tuple(map(float, lists[2])))
        except (ValueError, TypeError, KeyError) as error:
            raise RunError("the targets of these weights are damaged", where=where, got=error) from error
