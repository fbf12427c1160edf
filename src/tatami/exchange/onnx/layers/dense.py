"""FC."""

from __future__ import annotations

from tatami.exchange.onnx.layers.rules import Place, write
from tatami.network.layers import Dense


@write.register
def dense(layer: Dense, place: Place) -> None:
    """One Gemm, weight (units, inputs); a map is flattened before, channels first, as the weight's columns lie."""
    x = place.inputs[0]
    if place.axes:
        x = place.step("Flatten", "flatten", x, axis=1)
    place.last("Gemm", x, *map(place.tensor, place.tensors), transB=1)
