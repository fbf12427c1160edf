"""POOL and GAP: summaries of windows, without parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from tatami.errors import NetworkError
from tatami.network.layers.arguments import FLAG, PADDING, SIZES, Argument, Padding, choice
from tatami.network.layers.base import Context, Layer, Shape, layer, need_axes
from tatami.network.layers.windows import Window, make_window, need_same_axes, padding_per_axis, per_axis


@layer("POOL")
@dataclass(frozen=True)
class Pool(Layer):
    """The maximum or the mean of each window, channel by channel.

    Padding never wins a maximum. In a mean it is left out (TensorFlow), or counted as zeros with ``count_pad``
    (PyTorch's default).
    """

    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Padding = "valid"
    kind: Literal["max", "avg"] = "max"
    count_pad: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        need_same_axes(self.kernel_size, self.stride, self.padding)

    arguments: ClassVar[tuple[Argument, ...]] = (
        Argument("kernel_size", SIZES, ("F", "kernel"), positional=True),
        Argument("kind", choice("max", "avg"), positional=True),
        Argument("stride", SIZES, ("S",)),
        Argument("padding", PADDING, ("P", "pad")),
        Argument("count_pad", FLAG),
    )

    @classmethod
    def from_notation(cls, given: Mapping[str, Any], context: Context) -> Self:
        axes = need_axes(context.shapes[0], cls.keyword)
        size = given.get("kernel_size", (2,))
        return cls(
            kernel_size=per_axis(size, axes, "the window"),
            stride=per_axis(given.get("stride", size), axes, "the stride"),
            padding=padding_per_axis(given.get("padding", "valid"), axes),
            kind=given.get("kind", "max"),
            count_pad=given.get("count_pad", False),
        )

    def output_shape(self, *shapes: Shape) -> Shape:
        window = self.window(*shapes)
        for axis in window.axes:
            if max(axis.before, axis.after) >= axis.size:
                raise NetworkError(
                    "a pooling window would lie in the padding alone",
                    got=f"F={axis.size}, P=({axis.before}, {axis.after})",
                    expected="padding smaller than the window",
                )
        return (*window.output, shapes[0][-1])

    def window(self, *shapes: Shape) -> Window:
        need_axes(shapes[0], self.keyword)
        return make_window(shapes[0][:-1], self.kernel_size, self.stride, self.padding)


@layer("GAP")
@dataclass(frozen=True)
class GlobalAveragePool(Layer):
    """The mean of each whole map: (*spatial, C) -> (C,). Source: Lin et al. 2013, Network in Network, section 3.2."""

    def output_shape(self, *shapes: Shape) -> Shape:
        need_axes(shapes[0], self.keyword)
        return (shapes[0][-1],)
