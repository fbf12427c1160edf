"""CONV and DWCONV: uneven ``same`` becomes explicit pads."""

from __future__ import annotations

from tatami.exchange.onnx.layers.rules import Place, write
from tatami.network.layers import Conv
from tatami.network.layers.windows import Window


@write.register
def conv(layer: Conv, place: Place) -> None:
    """One Conv; weight (K, C/groups, *F)."""
    place.last(
        "Conv",
        place.inputs[0],
        *map(place.tensor, place.tensors),
        kernel_shape=layer.kernel_size,
        strides=layer.stride,
        pads=pads(layer.window(place.shapes[0])),
        dilations=layer.dilation,
        group=layer.groups,
    )


def pads(window: Window) -> list[int]:
    """The padding before along every axis, then that behind."""
    return [axis.before for axis in window.axes] + [axis.after for axis in window.axes]
