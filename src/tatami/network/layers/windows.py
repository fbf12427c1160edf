"""The arithmetic of sliding windows: output sizes, TensorFlow's exact ``same``, and which pixels are never seen.

Along one axis: W input length, F window size, S stride, D dilation, P padding (before, after).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tatami.errors import NetworkError
from tatami.network.layers.arguments import MAX_LENGTH, Padding


@dataclass(frozen=True)
class Axis:
    """A window along one axis: ``length`` W of the input, ``size`` F, ``stride`` S, ``dilation`` D, padding P."""

    length: int
    size: int
    stride: int
    dilation: int
    before: int
    after: int

    @property
    def extent(self) -> int:
        """Positions from the window's first to its last: (F - 1) * D + 1."""
        return (self.size - 1) * self.dilation + 1

    @property
    def span(self) -> int:
        """W - F + P: how far the window can move over the padded input; negative when it does not fit once."""
        return self.length + self.before + self.after - self.extent

    @property
    def output(self) -> int:
        """(W - F + P) / S + 1, rounded down: a window that would stand over the end is left out."""
        return self.span // self.stride + 1

    @property
    def left_over(self) -> int:
        """Positions of the padded input behind the last window: 0 when the size fits."""
        return self.span % self.stride

    def formula(self) -> str:
        """The size formula with its numbers: ``(224 - 3 + 2*1)/1 + 1 = 224``."""
        padding = f"2*{self.before}" if self.before == self.after else f"({self.before}+{self.after})"
        size = self.span / self.stride + 1
        return f"({self.length} - {self.extent} + {padding})/{self.stride} + 1 = {size:.10g}"

    def unseen(self) -> list[tuple[int, int]]:
        """Input pixels that no window covers, as ranges (first, last), both included."""
        return list(_unseen(self))

    def _find_unseen(self) -> list[tuple[int, int]]:
        # Window k sees the pixel k*S - P + j*D for 0 <= j < F. A pixel at t = k*S + j*D in the padded input is seen if
        # its congruence j*D = t (mod S) has a solution j between the bounds that j and k set; counted, not searched.
        divisor = math.gcd(self.dilation, self.stride)
        period = self.stride // divisor
        inverse = pow(self.dilation // divisor, -1, period)

        def is_seen(t: int) -> bool:
            first = max(0, -(((self.output - 1) * self.stride - t) // self.dilation))
            last = min(self.size - 1, t // self.dilation)
            return t % divisor == 0 and first + (t // divisor * inverse - first) % period <= last

        return _ranges([i for i in range(self.length) if not is_seen(i + self.before)])


@lru_cache(maxsize=8)  # asked more than once in a row; few, for a long map may have many ranges
def _unseen(axis: Axis) -> tuple[tuple[int, int], ...]:
    return tuple(axis._find_unseen())


def _ranges(indices: list[int]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for i in indices:
        if ranges and ranges[-1][1] == i - 1:
            ranges[-1] = (ranges[-1][0], i)
        else:
            ranges.append((i, i))
    return ranges


@dataclass(frozen=True)
class Window:
    """A window along every spatial axis."""

    axes: tuple[Axis, ...]

    @property
    def output(self) -> tuple[int, ...]:
        """Output length along each axis."""
        return tuple(axis.output for axis in self.axes)

    @property
    def padding(self) -> tuple[tuple[int, int], ...]:
        """(before, after) along each axis."""
        return tuple((axis.before, axis.after) for axis in self.axes)


def same_padding(length: int, size: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """TensorFlow's ``same``: output ceil(W/S), total padding max((output-1)*S + F - W, 0), the smaller half before."""
    output = -(-length // stride)
    total = max((output - 1) * stride + (size - 1) * dilation + 1 - length, 0)
    return total // 2, total - total // 2


def per_axis(value: tuple[int, ...], axes: int, what: str) -> tuple[int, ...]:
    """One value for each of ``axes``: a single one is repeated; another number of values is an error."""
    if len(value) == 1:
        return value * axes
    if len(value) != axes:
        raise NetworkError(
            f"{what} has {len(value)} sizes, but the input has {axes} spatial {'axis' if axes == 1 else 'axes'}",
            got="x".join(map(str, value)),
            expected=f"one size, or {axes}",
        )
    return value


def padding_per_axis(padding: Padding, axes: int) -> Padding:
    """As :func:`per_axis`, for paddings; the words stay words."""
    if isinstance(padding, str) or len(padding) == axes:
        return padding
    if len(padding) == 1:
        return padding * axes
    raise NetworkError(f"padding for {len(padding)} axes, but the input has {axes}", got=f"P={padding}")


def need_same_axes(*values: tuple[Any, ...] | str) -> None:
    """Refuse attributes of one layer that speak of different numbers of axes."""
    if len({len(value) for value in values if not isinstance(value, str)}) > 1:
        raise NetworkError("sizes for different numbers of axes", got=values, expected="one value for each axis")


@lru_cache(maxsize=4096)  # asked several times a layer, and alike by a family's members
def make_window(
    lengths: tuple[int, ...],
    size: tuple[int, ...],
    stride: tuple[int, ...],
    padding: Padding,
    dilation: tuple[int, ...] | None = None,
) -> Window:
    """The window over an input of spatial ``lengths``.

    Raises:
        NetworkError: when it does not fit even once; the message carries the formula.
    """
    if len(lengths) != len(size):
        raise NetworkError("the window has other axes than the input", got=f"{len(size)}", expected=f"{len(lengths)}")
    axes = []
    for i, length in enumerate(lengths):
        step = dilation[i] if dilation else 1
        if padding == "same":
            before, after = same_padding(length, size[i], stride[i], step)
        elif padding == "valid":
            before, after = 0, 0
        else:
            before, after = padding[i]
        axis = Axis(length, size[i], stride[i], step, before, after)
        if axis.span < 0:
            raise NetworkError(
                f"a window of {axis.extent} does not fit into {length + before + after} padded positions",
                got=axis.formula(),
                expected="an output of at least 1",
                hint="a smaller F, more padding, P=same, or fewer POOL before it",
            )
        if axis.output > MAX_LENGTH:
            raise NetworkError("a map too long", got=axis.formula(), expected=f"at most {MAX_LENGTH:,} along an axis")
        axes.append(axis)
    return Window(tuple(axes))


def need_exact_fit(window: Window) -> None:
    """Refuse a window whose size formula leaves a rest.

    Raises:
        NetworkError: with the formula, and with the pixels that a crop would never see.
    """
    for axis in window.axes:
        if axis.left_over:
            raise NetworkError(
                "the size does not fit",
                got=axis.formula(),
                expected="a whole number",
                hint=f"P=same, another stride, or fit=crop, where {describe_unseen(axis)}",
            )


def describe_unseen(axis: Axis) -> str:
    """In words: which pixels no window sees."""
    gaps = axis.unseen()
    if not gaps:
        return "only padding is left over and every pixel is seen"
    if len(gaps) > 1:
        count = sum(last - first + 1 for first, last in gaps)
        return f"{count} of {axis.length} pixels along the axis are never seen, the first is {gaps[0][0]}"
    first, last = gaps[0]
    return f"pixel {first} is never seen" if first == last else f"pixels {first} to {last} are never seen"
