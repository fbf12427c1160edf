"""CONV: the convolution, in 1, 2 or 3 dimensions.

Shapes: input (*spatial, C), output (*spatial', K), weight (*F, C/groups, K), bias (K,).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from tatami.errors import NetworkError
from tatami.network.layers.arguments import COUNT, FLAG, MAX_CHANNELS, PADDING, SIZES, Argument, Padding
from tatami.network.layers.base import Context, Layer, Parameter, Shape, layer, need_axes, product
from tatami.network.layers.windows import Window, make_window, need_same_axes, padding_per_axis, per_axis

DEFAULT_FILTERS = 32


def _doubled(pools: int) -> int:
    filters: int = DEFAULT_FILTERS << min(pools, 64)
    if filters > MAX_CHANNELS:
        raise NetworkError(
            "a bare CONV doubles its filters after each POOL",
            got=f"{DEFAULT_FILTERS}*2^{pools} filters",
            expected=f"at most {MAX_CHANNELS:,}",
            hint="CONV(64) says how many",
        )
    return filters


@layer("CONV")
@dataclass(frozen=True)
class Conv(Layer):
    """Filters slide over the input; each has the depth of its group of channels and gives one map.

    All sizes are per spatial axis. Output size (W - F + P)/S + 1; parameters (F*F*C/groups + 1)*K.
    """

    filters: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Padding = "same"
    dilation: tuple[int, ...] = ()
    groups: int = 1
    bias: bool = True

    def __post_init__(self) -> None:
        if self.dilation == () and isinstance(self.kernel_size, tuple):
            object.__setattr__(self, "dilation", (1,) * len(self.kernel_size))
        super().__post_init__()
        need_same_axes(self.kernel_size, self.stride, self.dilation, self.padding)

    arguments: ClassVar[tuple[Argument, ...]] = (
        Argument("filters", COUNT, ("filters", "K", "out_channels"), positional=True),
        Argument("kernel_size", SIZES, ("F", "kernel"), positional=True),
        Argument("stride", SIZES, ("S",)),
        Argument("padding", PADDING, ("P", "pad")),
        Argument("dilation", SIZES),
        Argument("groups", COUNT),
        Argument("bias", FLAG),
    )

    @classmethod
    def from_notation(cls, given: Mapping[str, Any], context: Context) -> Self:
        axes = need_axes(context.shapes[0], cls.keyword)
        return cls(
            filters=given["filters"] if "filters" in given else _doubled(context.pools),
            kernel_size=per_axis(given.get("kernel_size", (3,)), axes, "the kernel"),
            stride=per_axis(given.get("stride", (1,)), axes, "the stride"),
            padding=padding_per_axis(given.get("padding", "same"), axes),
            dilation=per_axis(given.get("dilation", (1,)), axes, "the dilation"),
            groups=given.get("groups", 1),
            bias=given.get("bias", True),
        )

    def output_shape(self, *shapes: Shape) -> Shape:
        window = self.window(*shapes)
        depth = shapes[0][-1]
        for what, channels in (("input depth", depth), ("number of filters", self.filters)):
            if channels % self.groups:
                raise NetworkError(
                    f"groups do not divide the {what}",
                    got=f"groups={self.groups}, {what} {channels}",
                    expected=f"a divisor of {channels}",
                )
        return (*window.output, self.filters)

    def window(self, *shapes: Shape) -> Window:
        need_axes(shapes[0], self.keyword)
        return make_window(shapes[0][:-1], self.kernel_size, self.stride, self.padding, self.dilation)

    def parameters(self, *shapes: Shape) -> dict[str, Parameter]:
        depth = shapes[0][-1] // self.groups
        area = product(self.kernel_size)
        weight = Parameter(
            (*self.kernel_size, depth, self.filters), "weight", area * depth, area * self.filters // self.groups
        )
        return {"weight": weight, "bias": Parameter((self.filters,), "bias")} if self.bias else {"weight": weight}

    def macs(self, *shapes: Shape) -> int:
        return product(self.window(*shapes).output) * self.parameters(*shapes)["weight"].size


@layer("DWCONV")
@dataclass(frozen=True)
class DepthwiseConv(Conv):
    """A convolution whose every filter sees one channel: ``groups`` equals the input depth.

    Written ``DWCONV(3)``; ``multiplier`` filters for each channel. Source: Howard et al. 2017, MobileNets, section 3.1.
    """

    arguments: ClassVar[tuple[Argument, ...]] = (
        Argument("kernel_size", SIZES, ("F", "kernel"), positional=True),
        Argument("multiplier", COUNT),
        *(argument for argument in Conv.arguments if argument.field not in {"filters", "kernel_size", "groups"}),
    )

    @classmethod
    def from_notation(cls, given: Mapping[str, Any], context: Context) -> Self:
        need_axes(context.shapes[0], cls.keyword)
        rest = {key: value for key, value in given.items() if key != "multiplier"}
        filters = context.depth * given.get("multiplier", 1)
        return super().from_notation({**rest, "filters": filters, "groups": context.depth}, context)

    @property
    def multiplier(self) -> int:
        """Filters for each input channel."""
        return self.filters // self.groups
