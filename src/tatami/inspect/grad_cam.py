"""Grad-CAM: where in a sample a layer finds what speaks for a class.

In the shape comments: N samples, C channels, *in the spatial sizes of the input, *map those of the layer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from tatami.engines.checks import check_samples
from tatami.inspect.checks import need_map, need_targets
from tatami.inspect.passes import BATCH, gradients, output_of
from tatami.inspect.subject import Subject


def grad_cam(subject: Subject, x: ArrayLike, targets: ArrayLike, layer: str | None = None) -> NDArray[np.float32]:
    """Where the layer speaks for the target, laid over the input, (N, *in); 0 where it does not.

    It is :func:`class_map`, interpolated linearly along each axis, as if both covered the same area.

    Args:
        subject: the network.
        x: prepared samples, (N, *in, C).
        targets: the output whose score is looked at: one for all samples, or one each, (N,).
        layer: whose maps are weighed; :func:`last_map` unless given.

    Raises:
        DataError: samples of another shape, or none.
        OptionError: no such layer, one without positions, or a target that the network does not have.
    """
    lengths = need_map(subject.network, subject.network.nodes[0].name).shape[:-1]
    maps = class_map(subject, x, targets, layer)
    zoom = [large / small for large, small in zip(lengths, maps.shape[1:], strict=True)]
    # In grid mode, values stand for areas: both ends of the map and of the input are the same.
    laid = [ndimage.zoom(values, zoom, order=1, mode="nearest", grid_mode=True) for values in maps]
    return np.stack(laid).astype(np.float32, copy=False)


def class_map(subject: Subject, x: ArrayLike, targets: ArrayLike, layer: str | None = None) -> NDArray[np.float32]:
    """The layer's maps A_k, weighed and summed, what is negative left out: (N, *map).

    relu(sum_k alpha_k A_k), where alpha_k is the mean gradient of the target's score over the positions of map k.
    Source: Selvaraju et al. 2017, Grad-CAM, equations 1 and 2.

    Args, errors: as for :func:`grad_cam`.
    """
    network = subject.network
    layer = need_map(network, last_map(subject) if layer is None else layer).name
    x = check_samples(x, network.input_shape, np.dtype(np.float32))
    outputs = need_targets(network, targets, len(x))
    found = []
    for part in (slice(start, start + BATCH) for start in range(0, len(x), BATCH)):
        A = output_of(subject, x[part], layer)  # (n, *map, C)
        dA = gradients(subject, x[part], outputs[part]).activations[layer]
        alpha = dA.mean(axis=tuple(range(1, dA.ndim - 1)), keepdims=True)  # (n, 1, 1, C)
        found.append(np.maximum((alpha * A).sum(axis=-1), 0))
    return np.concatenate(found).astype(np.float32, copy=False)


def last_map(subject: Subject) -> str:
    """The last layer whose output has positions, by name; INPUT where no other has.

    There features are at their most abstract, and still placed.

    Raises:
        OptionError: the network has none: its input is a plain vector.
    """
    nodes = subject.network.nodes
    return need_map(subject.network, next((n for n in reversed(nodes) if len(n.shape) > 1), nodes[0]).name).name
