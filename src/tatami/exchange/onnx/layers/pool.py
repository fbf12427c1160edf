"""POOL and GAP."""

from __future__ import annotations

from tatami.exchange.onnx.layers.conv import pads
from tatami.exchange.onnx.layers.rules import Place, write
from tatami.network.layers import GlobalAveragePool, Pool


@write.register
def pool(layer: Pool, place: Place) -> None:
    """MaxPool, or AveragePool with padding counted or not."""
    sizes = {
        "kernel_shape": layer.kernel_size,
        "strides": layer.stride,
        "pads": pads(layer.window(place.shapes[0])),
    }
    if layer.kind == "max":
        place.last("MaxPool", place.inputs[0], **sizes)
    else:
        place.last("AveragePool", place.inputs[0], count_include_pad=int(layer.count_pad), **sizes)


@write.register
def global_average_pool(layer: GlobalAveragePool, place: Place) -> None:
    """GlobalAveragePool leaves sizes of 1, which are taken away."""
    place.last("Flatten", place.step("GlobalAveragePool", "mean", place.inputs[0]), axis=1)
