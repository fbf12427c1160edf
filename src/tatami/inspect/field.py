"""The receptive field of one unit, on the input: which of its values can change the unit's answer.

A field is found backwards from the unit, layer by layer, as the positions that are read along each axis. So it is exact
where :mod:`tatami.plan.receptive_field` has a formula, and also where branches with different jumps have met.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from tatami.errors import OptionError
from tatami.inspect.checks import need_layer
from tatami.network import Network, Node
from tatami.network.layers import size_text

Span: TypeAlias = tuple[int, int]
_Places: TypeAlias = tuple[set[int], ...]  # positions along each axis


def field_of(network: Network, layer: str, position: Sequence[int] = (), *, clip: bool = True) -> tuple[Span, ...]:
    """What a layer's units at one position see, as (start, stop) along each spatial axis of the input.

    A plain vector has no positions and sees whatever its input holds. One that gates a map (squeeze-and-excitation) is
    left out: it is the map that selects the position.

    Args:
        network: any network.
        layer: its name.
        position: one number an axis of the layer's map; empty for a layer without positions.
        clip: whether only positions that exist count, in the input and in every layer between. Otherwise the padding
            of all of them is taken in, as if maps went on for ever: a start below 0 or a stop beyond the input's length
            shows how far into it the field reaches.

    Returns:
        The smallest spans with all that is seen; (0, 0) where a clipped field holds padding alone. Empty for an input
        without positions.

    Raises:
        OptionError: no such layer, or no such position in it.
    """
    node = need_layer(network, layer)
    _need_position(node, position)
    found: dict[str, _Places] = {
        layer: tuple({place} for place in position) if len(node.shape) > 1 else _everywhere(node)
    }
    for reader in reversed(network.nodes[: network.nodes.index(node) + 1]):
        places = found.get(reader.name)
        if places is None:
            continue
        for source, seen in _read(network, reader, places, clip):
            before = found.get(source, tuple(set() for _ in seen))
            found[source] = tuple(old | new for old, new in zip(before, seen, strict=True))
    return tuple((min(along), max(along) + 1) if along else (0, 0) for along in found[network.nodes[0].name])


def _read(network: Network, node: Node, places: _Places, clip: bool) -> Iterable[tuple[str, _Places]]:
    """For each input of ``node``, which of its positions those of the node's map depend on."""
    window = node.layer.window(*network.input_shapes(node))
    sources = [network[name] for name in node.inputs]
    for source in sources:
        if len(source.shape) == 1:
            if len(node.shape) == 1:
                yield source.name, ()
        elif len(node.shape) == 1:
            yield source.name, _everywhere(source)
        elif window is None:
            yield source.name, places
        else:
            seen = []
            for along, axis in zip(places, window.axes, strict=True):
                starts = [place * axis.stride - axis.before for place in along]
                reached = {start + step * axis.dilation for start in starts for step in range(axis.size)}
                seen.append({place for place in reached if 0 <= place < axis.length} if clip else reached)
            yield source.name, tuple(seen)


def _everywhere(node: Node) -> _Places:
    return tuple(set(range(length)) for length in node.shape[:-1])


def _need_position(node: Node, position: Sequence[int]) -> None:
    lengths = node.shape[:-1]
    if len(position) != len(lengths) or not all(
        0 <= place < length for place, length in zip(position, lengths, strict=True)
    ):
        raise OptionError(
            "no such position",
            where=node.name,
            got=tuple(position),
            expected=f"a place in the map of {size_text(lengths)}" if lengths else "none, as it is a plain vector",
        )
