"""Networks and weights as other libraries want them: channels first, signals as images, dropout left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tatami.network import Network
from tatami.network.layers import Conv, Dense, Dropout, Input, Layer, Pool, Shape


def channels_first(layer: Layer, name: str, array: np.ndarray, inputs: Shape) -> np.ndarray:
    """A weight of tatami in the order of PyTorch and ONNX.

    Convolutions: (*F, C/groups, K) becomes (K, C/groups, *F). FC on a map (*spatial, C): its rows go from the map's
    order, channels last, to (C, *spatial), and the whole from (inputs, units) to (units, inputs).
    """
    if name != "weight":
        return array
    if isinstance(layer, Conv):
        return np.moveaxis(array, (-1, -2), (0, 1))
    if isinstance(layer, Dense):
        rows = array.reshape(*inputs, layer.units)  # (*spatial, C, K)
        return np.moveaxis(rows, (-1, -2), (0, 1)).reshape(layer.units, -1)
    return array


def without_dropout(network: Network) -> Network:
    """The network without its DROPOUT layers, whose random choices differ from library to library."""
    source: dict[str, str] = {}
    nodes = []
    for node in network:
        if isinstance(node.layer, Dropout):
            source[node.name] = source.get(node.inputs[0], node.inputs[0])
        else:
            nodes.append(replace(node, inputs=tuple(source.get(name, name) for name in node.inputs)))
    return Network(tuple(nodes))


def signals_as_images(network: Network) -> Network:
    """A network on signals (L, C) as the same on images (L, 1, C): 2-D layers may be faster. Others stay."""
    if len(network.input_shape) != 2:
        return network
    shapes: dict[str, Shape] = {}
    nodes = []
    for node in network:
        layer = _widened(node.layer)
        shapes[node.name] = layer.output_shape(*(shapes[name] for name in node.inputs))
        nodes.append(replace(node, layer=layer, shape=shapes[node.name]))
    return Network(tuple(nodes))


def _widened(layer: Layer) -> Layer:
    if isinstance(layer, Input):
        return Input((layer.shape[0], 1, layer.shape[1]))
    if not isinstance(layer, (Conv, Pool)):
        return layer
    padding = layer.padding if isinstance(layer.padding, str) else (*layer.padding, (0, 0))
    wide = {"kernel_size": (*layer.kernel_size, 1), "stride": (*layer.stride, 1), "padding": padding}
    return replace(layer, **wide, dilation=(*layer.dilation, 1)) if isinstance(layer, Conv) else replace(layer, **wide)
