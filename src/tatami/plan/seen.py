"""How much of the input a map sees: the union of what all its positions see, traced back window by window.

Each axis is traced by itself, with what lies in the padding or behind the last window left out at every layer. So the
fraction knows what the receptive field alone would not: pixels that a crop or a stride skips are not seen, however far
the fields of later layers reach. It is exact for a chain; where branches skip different rows and columns it is an upper
bound.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from tatami.network import Network
from tatami.network.layers import product
from tatami.network.layers.windows import Axis

Ranges: TypeAlias = tuple[tuple[int, int], ...]
"""Positions along one axis: each range (first, end), end not included, in order and apart."""


def seen_fraction(network: Network, name: str) -> float:
    """The fraction of the input that the positions of the node ``name`` see together: per axis, multiplied.

    A vector has no positions and sees everything. A vector that gates a map (squeeze-and-excitation) does not count,
    as for the receptive field.
    """
    lengths = network.input_shape[:-1]
    if len(network[name].shape) == 1 or not lengths:
        return 1.0
    seen: dict[str, tuple[Ranges, ...]] = {name: tuple(((0, length),) for length in network[name].shape[:-1])}
    for node in reversed(network.nodes):
        if node.name not in seen:
            continue
        read = seen[node.name]
        window = node.layer.window(*network.input_shapes(node))
        if window is not None:
            along = dict.fromkeys(zip(window.axes, read, strict=True))  # axes that are alike are traced once
            traced = {each: read_by(*each) for each in along}
            read = tuple(traced[each] for each in zip(window.axes, read, strict=True))
        for source in node.inputs:
            if len(network[source].shape) > 1:
                others = seen.get(source)
                seen[source] = read if others is None else tuple(map(_union, others, read))
    found = seen[network.nodes[0].name]
    return product(tuple(sum(end - first for first, end in ranges) for ranges in found)) / product(lengths)


def read_by(axis: Axis, positions: Ranges) -> Ranges:
    """What a window that stands at ``positions`` reads of its input."""
    found: Ranges = ()
    for first, end in positions:
        overlap = axis.dilation == 1 and axis.size >= axis.stride
        if overlap or (axis.stride == 1 and end - first >= axis.dilation):  # without a gap
            start = first * axis.stride - axis.before
            stop = (end - 1) * axis.stride - axis.before + axis.extent
            found += ((max(0, start), min(axis.length, stop)),)
        else:
            return _marked(axis, positions)
    return _union(found, ())


def _marked(axis: Axis, positions: Ranges) -> Ranges:
    """The same where the window leaves gaps: mark each tap's positions."""
    marks = bytearray(axis.length)
    for first, end in positions:
        for tap in range(axis.size):
            start = first * axis.stride - axis.before + tap * axis.dilation
            stop = min(axis.length, start + (end - 1 - first) * axis.stride + 1)
            start = start if start >= 0 else start % axis.stride
            marks[start : max(start, stop) : axis.stride] = b"\x01" * len(range(start, stop, axis.stride))
    return tuple(match.span() for match in re.finditer(rb"\x01+", marks))


def _union(some: Ranges, others: Ranges) -> Ranges:
    if some == others:
        return some
    merged: list[tuple[int, int]] = []
    for first, end in sorted((*some, *others)):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif first < end:
            merged.append((first, end))
    return tuple(merged)
