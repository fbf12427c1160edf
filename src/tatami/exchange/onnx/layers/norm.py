"""BN, LN, LRN and SCALE. N samples, C channels, * any spatial sizes."""

from __future__ import annotations

from tatami.exchange.onnx.layers.rules import Place, write
from tatami.network.layers import BatchNorm, LayerNorm, LocalResponseNorm, Scale


@write.register
def batch_norm(layer: BatchNorm, place: Place) -> None:
    """By running statistics. ONNX's momentum is the share of the old ones."""
    names = ("weight", "bias", "running_mean", "running_var")
    place.last(
        "BatchNormalization",
        place.inputs[0],
        *map(place.tensor, names),
        epsilon=layer.eps,
        momentum=1 - layer.momentum,
    )


@write.register
def layer_norm(layer: LayerNorm, place: Place) -> None:
    """Over the last axis, so a map goes channels last for it."""
    parts = (place.tensor("weight"), place.tensor("bias"))
    if not place.axes:
        place.last("LayerNormalization", place.inputs[0], *parts, axis=-1, epsilon=layer.eps)
        return
    rows = place.step("Transpose", "channels_last", place.inputs[0], perm=channels_last(place.axes))
    normal = place.step("LayerNormalization", "norm", rows, *parts, axis=-1, epsilon=layer.eps)
    place.last("Transpose", normal, perm=channels_first(place.axes))


@write.register
def local_response_norm(layer: LocalResponseNorm, place: Place) -> None:
    """ONNX's LRN divides alpha by the size, has the larger half of an even size behind, and takes images alone.

    Elsewhere it is spelled out: X / (k + alpha * size * mean of the squares around)^beta.
    """
    (x,) = place.inputs
    if layer.size % 2 and place.axes == 2:
        place.last("LRN", x, size=layer.size, alpha=layer.alpha * layer.size, beta=layer.beta, bias=layer.k)
        return
    *spatial, C = place.shapes[0]
    squares = place.step("Mul", "squares", x, x)
    table = place.step("Reshape", "table", squares, place.whole("table", (0, 1, C, -1)))  # (N, 1, C, positions)
    before, after = layer.size // 2, (layer.size - 1) // 2
    means = place.step(
        "AveragePool",
        "means",
        table,
        kernel_shape=[layer.size, 1],
        pads=[before, 0, after, 0],
        count_include_pad=1,
    )
    means = place.step("Reshape", "map", means, place.whole("map", (0, C, *spatial)))
    scaled = place.step("Mul", "scaled", means, place.number("alpha", layer.alpha * layer.size))
    base = place.step("Add", "base", scaled, place.number("k", layer.k))
    place.last("Div", x, place.step("Pow", "divisor", base, place.number("beta", layer.beta)))


@write.register
def scale(layer: Scale, place: Place) -> None:
    """A factor a channel: (C, 1, 1) for an image."""
    place.last("Mul", place.inputs[0], place.tensor("weight", (-1, *(1,) * place.axes)))


def channels_last(axes: int) -> list[int]:
    """How to transpose (N, C, *) to (N, *, C)."""
    return [0, *range(2, axes + 2), 1]


def channels_first(axes: int) -> list[int]:
    """How to transpose (N, *, C) to (N, C, *)."""
    return [0, axes + 1, *range(1, axes + 1)]
