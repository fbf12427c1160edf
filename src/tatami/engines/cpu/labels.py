"""What the loss kernels read beside the scores: labels as int64; for the squared error, targets like the scores."""

from __future__ import annotations

import numpy as np

from tatami.engines.base import Array
from tatami.network.layers import Shape
from tatami.plan.program import Program
from tatami.recipe import Loss, MeanSquaredError


def takes_targets(loss: Loss) -> bool:
    """Whether the loss compares with targets; labels are then turned into one-hot rows."""
    return isinstance(loss, MeanSquaredError)


def labels_layout(program: Program, n: int, dtype: np.dtype) -> tuple[Shape, np.dtype]:
    """Shape and type of what :func:`give_labels` fills, for ``n`` samples."""
    shape = program.network.output_shape
    if takes_targets(program.settings.loss):
        return (n, *shape), dtype
    return (n, *shape[:-1]), np.dtype(np.int64)


def give_labels(y: Array, out: Array) -> None:
    """Write labels or targets; one-hot where ``out`` has the classes as a last axis and ``y`` has not."""
    if y.shape == out.shape:
        out[...] = y
        return
    out[...] = 0
    np.put_along_axis(out, y[..., None], 1, axis=-1)
