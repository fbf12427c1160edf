"""How the CPU engine computes a convolution: the methods there are, and which one a pass takes.

A cost model picks: the multiply-adds that a method really does, over the rate that its products reach, and the values
that it moves to arrange them. A measurement on this machine overrules it (``tatami bench``, see
:mod:`tatami.plan.measured`), and the user overrules both (``force``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tatami.errors import OptionError, nearest
from tatami.network.layers import Conv, DepthwiseConv, Shape, product
from tatami.plan.ops import Pass
from tatami.plan.scratch import depthwise, pointwise, winograd
from tatami.plan.workspace import TILES, Sizes

METHODS = ("winograd4", "winograd2", "pointwise", "unfolded", "depthwise")
# Cost in cycles of one core with two units for vectors of 16 values. The shares of the peak are those that the products
# reach in benchmarks/gemm.py; what a moved value costs was fitted to measurements of whole passes.
PER_CYCLE = 32
PRODUCT_SHARE = {"winograd4": 0.85, "winograd2": 0.85, "pointwise": 0.85, "unfolded": 0.8, "depthwise": 0.15}
MOVED = 0.15  # cycles for a value that is unfolded or transformed once


def methods_for(layer: Conv, shape: Shape, itemsize: int = 4) -> list[str]:
    """The methods that can compute ``layer`` on an input of ``shape``; Winograd in float32 only."""
    if isinstance(layer, DepthwiseConv) and depthwise.applies(layer, shape):
        return ["depthwise"]
    found = []
    if itemsize == 4:
        tiles = winograd.tiles(layer, shape)
        found += [name for name, tile in TILES.items() if tile in tiles]
    if pointwise.applies(layer, shape):
        found.append("pointwise")
    return [*found, "unfolded"]


def cost(layer: Conv, shape: Shape, method: str, batch: int) -> float:
    """Cycles, by the model."""
    window = layer.window(shape)
    pixels, depth = batch * product(window.output), shape[-1] // layer.groups
    area, filters = product(layer.kernel_size), layer.filters
    if method in TILES:
        tile = TILES[method]
        products = winograd.multiplications(layer, shape, batch, tile)
        # Every tile of the input and of the output goes through its transform, in whole vectors; so does every filter.
        values, filter_values = winograd.transformed(layer, shape, batch, tile)
        moved = 2.5 * values + 3 * filter_values
    else:
        products = batch * layer.macs(shape)
        moved = pixels * area * depth * layer.groups if method == "unfolded" else 0
        if method == "unfolded" and filters // layer.groups < 16:
            products = products * 16 // (filters // layer.groups)  # vectors that are not full
    return products / (PER_CYCLE * PRODUCT_SHARE[method]) + MOVED * moved


def signature(layer: Conv, shape: Shape, each: Pass, batch: int) -> str:
    """A convolution and one of its passes in a line, as measurements are kept: ``forward 3x3 64>64 on 32x32 x64``."""

    def by(sizes: tuple[int, ...]) -> str:
        return "x".join(map(str, sizes))

    window = layer.window(shape)
    marks = [
        f"/{by(layer.stride)}" * (set(layer.stride) != {1}),
        f" dilation {by(layer.dilation)}" * (set(layer.dilation) != {1}),
        f" groups {layer.groups}" * (layer.groups > 1),
    ]
    padding = ",".join(f"{before}+{after}" for before, after in window.padding)
    where = f"{shape[-1]}>{layer.filters} on {by(shape[:-1])} P={padding}"
    return f"{each} {by(layer.kernel_size)}{''.join(marks)} {where} x{batch}"


@dataclass(frozen=True)
class Methods:
    """Which method a pass of a convolution takes.

    Attributes:
        measured: the faster method by :func:`signature`, as measured on this machine.
        forced: methods to take wherever they can be taken, the first first.
    """

    measured: Mapping[str, str] = field(default_factory=dict)
    forced: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.forced:
            if name not in METHODS:
                close = nearest(name, METHODS)
                raise OptionError(
                    "unknown method of convolution",
                    got=name,
                    expected=", ".join(METHODS),
                    hint=f"did you mean {close}?" if close else None,
                )

    def choose(self, layer: Conv, shape: Shape, each: Pass, sizes: Sizes) -> str:
        """The method of one pass of ``layer`` on an input of ``shape``."""
        possible = methods_for(layer, shape, sizes.itemsize)
        for name in self.forced:
            if name in possible:
                return name
        if len(possible) == 1:
            return possible[0]
        known = self.measured.get(signature(layer, shape, each, sizes.batch))
        if known in possible:
            return known
        return min(possible, key=lambda method: cost(layer, shape, method, sizes.batch))
