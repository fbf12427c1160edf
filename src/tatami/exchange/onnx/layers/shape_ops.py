"""FLATTEN, SLICE, SHUFFLE, DROPOUT. N samples, C channels, G groups, * any spatial sizes."""

from __future__ import annotations

from tatami.exchange.onnx.layers.norm import channels_last
from tatami.exchange.onnx.layers.rules import Place, write
from tatami.network.layers import Dropout, Flatten, Shuffle, Slice


@write.register
def flatten(layer: Flatten, place: Place) -> None:
    """Row by row, channels last; where none but FC reads the vector, as it lies."""
    x = place.inputs[0]
    if place.axes and not place.free_order:
        x = place.step("Transpose", "channels_last", x, perm=channels_last(place.axes))
    place.last("Flatten", x, axis=1)


@write.register
def channels(layer: Slice, place: Place) -> None:
    """Some of the channels."""
    bounds = {"start": layer.start, "stop": layer.stop, "axis": 1}
    place.last("Slice", place.inputs[0], *(place.whole(name, (value,)) for name, value in bounds.items()))


@write.register
def shuffle(layer: Shuffle, place: Place) -> None:
    """(N, C, *) as (N, G, C/G, *), transposed."""
    *spatial, C = place.shapes[0]
    table = place.whole("table", (0, layer.groups, C // layer.groups, *spatial))
    rows = place.step("Reshape", "rows", place.inputs[0], table)
    columns = place.step("Transpose", "columns", rows, perm=[0, 2, 1, *range(3, 3 + len(spatial))])
    place.last("Reshape", columns, place.whole("map", (0, C, *spatial)))


@write.register
def dropout(layer: Dropout, place: Place) -> None:
    """Nothing at inference; kept, so that the network can be read back as it was."""
    place.last("Dropout", place.inputs[0], place.number("rate", layer.rate))
