"""ADD, MUL, CONCAT: where branches meet."""

from __future__ import annotations

from tatami.exchange.onnx.layers.rules import Place, write
from tatami.network.layers import Add, Concat, Multiply


@write.register
def add(layer: Add, place: Place) -> None:
    """Add of two, Sum of more."""
    place.last("Add" if len(place.inputs) == 2 else "Sum", *place.inputs)


@write.register
def multiply(layer: Multiply, place: Place) -> None:
    """A vector (N, C) beside a map gets sizes of 1; then all are multiplied, two at a time."""
    axes = max(len(shape) for shape in place.shapes) - 1
    factors = []
    for i, (value, shape) in enumerate(zip(place.inputs, place.shapes, strict=True)):
        if axes and len(shape) == 1:
            where = place.whole(f"axes{i}", tuple(range(2, axes + 2)))
            value = place.step("Unsqueeze", f"wide{i}", value, where)
        factors.append(value)
    product, *rest = factors
    for i, factor in enumerate(rest[:-1]):
        product = place.step("Mul", f"product{i}", product, factor)
    place.last("Mul", product, rest[-1])


@write.register
def concat(layer: Concat, place: Place) -> None:
    """Along the channels."""
    place.last("Concat", *place.inputs, axis=1)
