"""The part of a layer that the page shows, computed by the textbook engine in both directions.

A map too large to be read is shown in part: some positions of the output, and just what their windows see of the
input. The values are those of the whole layer; gradients that are sums count the positions that are shown.

Letters, with *in, *out, *F the spatial sizes of the part's input with its padding, its output, and the window: C
channels that the chosen filter sees, K filters that see the chosen channel.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tatami.engines.base import Array
from tatami.engines.textbook.rules import Mode, run
from tatami.engines.textbook.windows import pad, shifted_views
from tatami.errors import OptionError
from tatami.network.layers import Conv
from tatami.network.layers.windows import Axis, Window
from tatami.web.convolution_settings import Windowed

SIDES = {1: 64, 2: 34}
"""Input positions that are shown along an axis, by the number of axes: 32 and a padding of 1 at each end."""

MOST_VALUES = 2**17
"""Of the input that is sent to the page."""


@dataclass(frozen=True)
class Range:
    """What is shown along one axis: output positions from ``first`` to before ``stop``, and what they see.

    ``start`` and ``end`` are positions of the padded input; ``is_whole`` where nothing is left out.
    """

    axis: Axis
    first: int
    stop: int

    @property
    def is_whole(self) -> bool:
        return self.stop - self.first == self.axis.output

    @property
    def start(self) -> int:
        return self.first * self.axis.stride

    @property
    def end(self) -> int:
        if self.is_whole:  # with what is left over behind the last window
            return self.axis.before + self.axis.length + self.axis.after
        return (self.stop - 1) * self.axis.stride + self.axis.extent

    @property
    def real(self) -> slice:
        """Of the input without padding."""
        low = min(max(self.start - self.axis.before, 0), self.axis.length)
        return slice(low, max(low, min(self.end - self.axis.before, self.axis.length)))

    @property
    def padding(self) -> tuple[int, int]:
        """Positions of padding that are seen before and behind."""
        before = min(max(self.axis.before - self.start, 0), self.end - self.start)
        return before, self.end - self.start - before - (self.real.stop - self.real.start)


def ranges(window: Window, depth: int, wanted: tuple[int, ...]) -> tuple[Range, ...]:
    """What can be shown of a layer, the first output positions being ``wanted``; in the middle where none are."""
    side = min(SIDES[len(window.axes)], max(1, int((MOST_VALUES / depth) ** (1 / len(window.axes)))))
    found = []
    for i, axis in enumerate(window.axes):
        is_small = axis.before + axis.length + axis.after <= side
        count = axis.output if is_small else max(1, min(axis.output, (side - axis.extent) // axis.stride + 1))
        most = axis.output - count
        first = min(max(wanted[i], 0), most) if i < len(wanted) else most // 2
        found.append(Range(axis, first, first + count))
    shown = math.prod(part.end - part.start for part in found) * depth
    if shown > 4 * MOST_VALUES:
        raise OptionError(
            "a window too large for the page",
            got=f"{shown:,} values in it",
            expected=f"at most {4 * MOST_VALUES:,}",
        )
    return tuple(found)


@dataclass(frozen=True, eq=False)
class Part:
    """Both passes over the part, for one filter and one channel.

    Attributes:
        x: (*in, C), padded; the filter's own channels.
        y: (*out,), of the filter.
        dy: (*out, K), what comes back.
        dx: (*in,), of the channel; what falls on padding is 0, as nobody takes it.
        weight: (*F, C), of the filter; None of a POOL.
        reach: (*F, K), the filters' weights for the channel; None of a POOL.
        bias: of the filter.
        d_weight, d_bias: their gradients.
        winner: (*out,), the place within the window, in row order, whose value a maximum took; None where none is.
        count: (*out,), by how many values a mean divides; None where none is taken.
        channels, filters: numbers of the first of C and of K.
    """

    x: Array
    y: Array
    dy: Array
    dx: Array
    weight: Array | None = None
    reach: Array | None = None
    bias: float = 0.0
    d_weight: Array | None = None
    d_bias: float = 0.0
    winner: Array | None = None
    count: Array | None = None
    channels: int = 0
    filters: int = 0


@np.errstate(over="ignore", invalid="ignore")
def compute(
    layer: Windowed,
    weights: Mapping[str, Array],
    x: Array,
    dy: Array,
    shown: tuple[Range, ...],
    filter: int,
    channel: int,
) -> Part:
    """Run a part of a layer forward and backward.

    Args:
        layer: CONV or POOL.
        weights: its tensors by name.
        x: its whole input, (*in, C), without padding.
        dy: the gradient for what is shown of the output, (*out, all filters).
        shown: the part, one range for each axis.
        filter: whose output is shown; of a POOL the channel.
        channel: whose input is shown, if the filter sees it.
    """
    x = x[tuple(part.real for part in shown)][np.newaxis]
    dy = dy[np.newaxis]
    here = replace(layer, padding=tuple(part.padding for part in shown))
    y, back = run(here, weights, Mode(), x)
    (dx,), d_weights = back(dy)
    window = here.window(x.shape[1:])
    padded, dx = pad(x, window)[0], pad(dx, window)[0]
    if isinstance(layer, Conv):
        depth, width = x.shape[-1] // layer.groups, layer.filters // layer.groups
        group = filter // width
        seen, seers = slice(group * depth, (group + 1) * depth), slice(group * width, (group + 1) * width)
        weight = weights["weight"]
        return Part(
            x=padded[..., seen],
            y=y[0, ..., filter],
            dy=dy[0, ..., seers],
            dx=dx[..., channel],
            weight=weight[..., filter],
            reach=weight[..., channel - seen.start, seers],
            bias=float(weights["bias"][filter]) if layer.bias else 0.0,
            d_weight=d_weights["weight"][..., filter],
            d_bias=float(d_weights["bias"][filter]) if layer.bias else 0.0,
            channels=seen.start,
            filters=seers.start,
        )
    one = slice(channel, channel + 1)
    winner = count = None
    if layer.kind == "max":  # argmax takes the first of equal values, as the engine does
        views = shifted_views(pad(x[..., one], window, -np.inf), window)
        winner = np.stack([view[0, ..., 0] for view in views]).argmax(axis=0)
    else:
        counted = pad(np.ones_like(x[..., one]), window, 1.0 if layer.count_pad else 0.0)
        count = np.sum([view[0, ..., 0] for view in shifted_views(counted, window)], axis=0)
    return Part(
        x=padded[..., one],
        y=y[0, ..., channel],
        dy=dy[0, ..., one],
        dx=dx[..., channel],
        winner=winner,
        count=count,
        channels=channel,
        filters=channel,
    )
