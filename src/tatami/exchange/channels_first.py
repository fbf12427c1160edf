"""From channels-last to channels-first: in which order the values of vectors lie, and tensors with them.

N samples, C channels, * spatial sizes. A map (N, *, C) becomes (N, C, *): its values are the same. A vector that was
flattened from a map has its values in another order: where none but FC reads them, the rows of FC's weight change
places instead.
"""

from __future__ import annotations

import numpy as np

from tatami.engines.base import Array
from tatami.network import Network
from tatami.network.layers import Activation, Conv, Dense, Dropout, Flatten, Layer, Shape, product


def vectors_channels_first(network: Network) -> dict[str, Shape]:
    """The flattened vectors that may lie channels first, each with the (*spatial, C) of the map that it was.

    They are those whose values nobody reads but FC: by themselves, or through layers that take each value alone.
    """
    consumers = network.consumers()
    only_dense: set[str] = set()
    for node in reversed(network.nodes):
        readers = consumers[node.name]
        if readers and all(
            isinstance(network[name].layer, Dense) or (_takes_each_alone(network[name].layer) and name in only_dense)
            for name in readers
        ):
            only_dense.add(node.name)
    found: dict[str, Shape] = {}
    for node in network.nodes[1:]:
        before = node.inputs[0]
        shape = network[before].shape
        if node.name not in only_dense or len(node.shape) > 1:
            continue
        if isinstance(node.layer, Flatten) and len(shape) > 1:
            found[node.name] = shape
        elif _takes_each_alone(node.layer) and before in found:
            found[node.name] = found[before]
    return found


def _takes_each_alone(layer: Layer) -> bool:
    return isinstance(layer, (Activation, Dropout, Flatten))


def channels_first(layer: Layer, name: str, array: Array, seen: Shape) -> Array:
    """A tensor of ``layer`` in the order of axes that ONNX and PyTorch have, float32.

    Args:
        layer: whose it is.
        name: ``weight``, ``bias``, ...
        array: (*F, C/groups, K) of CONV becomes (K, C/groups, *F); (inputs, units) of FC becomes (units, inputs).
        seen: shape of what the layer reads; of a vector that lies channels first, that of the map that it was.
    """
    axes = array.ndim
    if name == "weight" and isinstance(layer, Conv):
        array = array.transpose(axes - 1, axes - 2, *range(axes - 2))
    elif name == "weight" and isinstance(layer, Dense):
        rows = np.moveaxis(np.arange(product(seen)).reshape(seen), -1, 0).ravel()  # for (C, *), the place in (*, C)
        array = array[rows].T
    return np.ascontiguousarray(array, np.float32)


def channels_last(layer: Layer, name: str, array: Array, seen: Shape) -> Array:
    """The way back from :func:`channels_first`, for tensors of others too.

    A weight of FC may have sizes of 1 behind (that of a 1x1 convolution), and a weight of CONV may lack them (that of a
    linear layer at every position); factors of SCALE may have sizes of 1 around.

    Raises:
        ValueError: another number of values than the layer has.
    """
    shape = layer.parameters(seen)[name].shape
    if name == "weight" and isinstance(layer, Conv):
        axes = len(shape) - 2
        array = array.reshape(shape[-1], shape[-2], *shape[:axes]) if array.ndim == 2 else array
        array = array.transpose(*range(2, axes + 2), 1, 0)
    elif name == "weight" and isinstance(layer, Dense):
        rows = np.moveaxis(np.arange(product(seen)).reshape(seen), -1, 0).ravel()
        placed = np.empty(shape, np.float32)
        placed[rows] = array.reshape(shape[::-1]).T
        array = placed
    return np.ascontiguousarray(array.reshape(shape) if array.ndim > len(shape) else array, np.float32)
