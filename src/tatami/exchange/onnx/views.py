"""How a value of ONNX lies over the output of a layer: transpositions and reshapes are followed, not computed.

A layer's output has tatami's axes, (*spatial, C). Each axis is a product of parts, one part unless something split it;
each size of the ONNX value behind the batch is a product of such parts in some order. So a map that lies channels first
has the sizes (C), (H), (W); flattened it has (C, H, W); a channel shuffle is C in two parts, changed for one another.
Parts of size 1 are left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tatami.network.layers import Shape

Place: TypeAlias = tuple[int, int]
"""An axis of the layer's output, and which part of it."""


@dataclass(frozen=True)
class View:
    """A value of ONNX.

    Attributes:
        node: the layer.
        shape: of its output.
        parts: the sizes of the parts of each axis, slowest first.
        dims: for each size of the value behind the batch, the parts that it is a product of, slowest first.
    """

    node: str
    shape: Shape
    parts: tuple[tuple[int, ...], ...]
    dims: tuple[tuple[Place, ...], ...]

    @classmethod
    def of(cls, node: str, shape: Shape, *, last: bool = False) -> View:
        """The output of a layer, channels first; or channels ``last``."""
        parts = tuple((size,) if size > 1 else () for size in shape)
        dims = tuple(_all_of(axis, sizes) for axis, sizes in enumerate(parts))
        return cls(node, shape, parts, dims if last else (dims[-1], *dims[:-1]))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of the value, behind the batch."""
        return tuple(math.prod(self.parts[axis][part] for axis, part in dim) for dim in self.dims)

    @property
    def channels(self) -> tuple[Place, ...]:
        """The parts of the channels in order."""
        return _all_of(len(self.shape) - 1, self.parts[-1])

    @property
    def is_map(self) -> bool:
        """Whether it lies (C, *spatial)."""
        return len(self.shape) > 1 and self == View.of(self.node, self.shape)

    @property
    def in_order(self) -> bool:
        """Whether its values lie in the order of the layer's."""
        order = [place for dim in self.dims for place in dim]
        return order == [place for axis, sizes in enumerate(self.parts) for place in _all_of(axis, sizes)]

    def channel_dim(self) -> int | None:
        """Which of its sizes is that of the channels, all of them in order; of a depth of 1, the first or the last."""
        if self.channels:
            return self.dims.index(self.channels) if self.channels in self.dims else None
        return next((i for i in (0, len(self.dims) - 1) if self.dims and not self.dims[i]), None)

    def over(self, node: str) -> View:
        """The same over the output of another layer, which has the same shape."""
        return replace(self, node=node)

    def with_depth(self, node: str, depth: int) -> View:
        """The same over another layer's output, which has another depth."""
        at = self.channel_dim()
        assert at is not None
        last = len(self.shape) - 1
        dims = tuple(((last, 0),) * (depth > 1) if i == at else dim for i, dim in enumerate(self.dims))
        return View(node, (*self.shape[:-1], depth), (*self.parts[:-1], (depth,) * (depth > 1)), dims)

    def transposed(self, order: Sequence[int]) -> View:
        """With its sizes in another ``order``."""
        return _tidy(replace(self, dims=tuple(self.dims[i] for i in order)))

    def reshaped(self, sizes: Sequence[int]) -> View | None:
        """With other ``sizes``, the values in the same order; None where they do not divide into parts."""
        if math.prod(sizes) != math.prod(self.shape):
            return None
        axes: list[list[_Part]] = [[_Part(size) for size in parts] for parts in self.parts]
        todo = [axes[axis][part] for dim in self.dims for axis, part in dim][::-1]
        dims: list[list[_Part]] = []
        for size in sizes:
            dims.append([])
            while size > 1:
                part = todo.pop()
                if part.size > size:
                    if part.size % size:
                        return None
                    axis = next(axis for axis in axes if part in axis)
                    rest = _Part(part.size // size)
                    axis.insert(axis.index(part) + 1, rest)
                    todo.append(rest)
                    part.size = size
                if size % part.size:
                    return None
                size //= part.size
                dims[-1].append(part)
        places = {id(part): (i, k) for i, axis in enumerate(axes) for k, part in enumerate(axis)}
        parts = tuple(tuple(part.size for part in axis) for axis in axes)
        view = View(self.node, self.shape, parts, tuple(tuple(places[id(part)] for part in dim) for dim in dims))
        return _tidy(view)

    def rows(self) -> NDArray[np.int64]:
        """For each value in ONNX's order, its place in the layer's output."""
        places = [place for axis, sizes in enumerate(self.parts) for place in _all_of(axis, sizes)]
        table = np.arange(math.prod(self.shape)).reshape([self.parts[axis][part] for axis, part in places])
        order = [places.index(place) for dim in self.dims for place in dim]
        return np.asarray(table.transpose(order).ravel(), np.int64)


class _Part:
    def __init__(self, size: int) -> None:
        self.size = size


def _all_of(axis: int, sizes: tuple[int, ...]) -> tuple[Place, ...]:
    return tuple((axis, part) for part in range(len(sizes)))


def _tidy(view: View) -> View:
    """Parts that lie beside one another as they do in their axis become one."""
    for dim in view.dims:
        for (axis, part), following in pairwise(dim):
            if following == (axis, part + 1):
                return _tidy(_joined(view, axis, part))
    return view


def _joined(view: View, axis: int, part: int) -> View:
    sizes = view.parts[axis]
    joined = (*sizes[:part], sizes[part] * sizes[part + 1], *sizes[part + 2 :])

    def moved(place: Place) -> Place:
        return (axis, place[1] - 1) if place[0] == axis and place[1] > part else place

    gone = (axis, part + 1)
    dims = tuple(tuple(moved(place) for place in dim if place != gone) for dim in view.dims)
    return replace(view, parts=(*view.parts[:axis], joined, *view.parts[axis + 1 :]), dims=dims)
