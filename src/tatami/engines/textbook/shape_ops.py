"""FLATTEN, SLICE, SHUFFLE: values moved, none changed.

In the shape comments: N samples, C channels, G groups, * any spatial sizes.
"""

from __future__ import annotations

import numpy as np

from tatami.engines.base import Array
from tatami.engines.textbook.rules import Backward, Gradients, Mode, Weights, run
from tatami.network.layers import Flatten, Shuffle, Slice


@run.register
def flatten(layer: Flatten, weights: Weights, mode: Mode, *inputs: Array) -> tuple[Array, Backward]:
    """(N, *, C) becomes (N, all values), row by row."""
    shape = inputs[0].shape
    return inputs[0].reshape(len(inputs[0]), -1), lambda dY: ((dY.reshape(shape),), {})


@run.register
def slice_channels(layer: Slice, weights: Weights, mode: Mode, *inputs: Array) -> tuple[Array, Backward]:
    """Some of the channels; the others get no gradient."""
    shape = inputs[0].shape

    def backward(dY: Array) -> Gradients:
        dX = np.zeros(shape, dY.dtype)  # (N, *, C)
        dX[..., layer.start : layer.stop] = dY
        return (dX,), {}

    return inputs[0][..., layer.start : layer.stop], backward


@run.register
def shuffle(layer: Shuffle, weights: Weights, mode: Mode, *inputs: Array) -> tuple[Array, Backward]:
    """Channels dealt out anew: (G, C/G) transposed (Zhang et al. 2017, ShuffleNet, section 3.1)."""
    (X,) = inputs

    def backward(dY: Array) -> Gradients:
        return (_transpose(dY, dY.shape[-1] // layer.groups),), {}

    return _transpose(X, layer.groups), backward


def _transpose(X: Array, rows: int) -> Array:
    """The channels laid out in ``rows`` rows and read by columns."""
    table = X.reshape(*X.shape[:-1], rows, -1)  # (N, *, rows, C/rows)
    return table.swapaxes(-1, -2).reshape(X.shape)  # (N, *, C)
