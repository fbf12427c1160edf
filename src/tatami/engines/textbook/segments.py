"""A training pass through segments of the network, of which all but the last keep only their input.

Their layers run forward again before they run backward: less memory, more time, the same numbers, for what is random
is drawn from a counter. Source: Chen et al. 2016, Training Deep Nets with Sublinear Memory Cost, section 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tatami.engines.base import Array
from tatami.engines.textbook.rules import Mode, Weights
from tatami.engines.textbook.walk import Tape, backward, forward, walk
from tatami.network import Network, Node
from tatami.plan.checkpoint import even_cuts


@dataclass(frozen=True)
class Segment:
    """Layers that follow one another, and an INPUT before them in place of the layer that they read.

    Attributes:
        nodes: INPUT first.
        start: the place of the first of them in the network.
    """

    nodes: tuple[Node, ...]
    start: int

    def modes(self, modes: Sequence[Mode]) -> Sequence[Mode]:
        """Those of its nodes."""
        return modes[self.start : self.start + len(self.nodes)]


def divide(nodes: Sequence[Node], checkpoint: bool) -> list[Segment]:
    """About as many segments as each has layers; one, unless ``checkpoint``."""
    if not checkpoint:
        return [Segment(tuple(nodes), 0)]
    cuts = even_cuts(Network(tuple(nodes)))
    place = {node.name: i for i, node in enumerate(nodes)}
    starts = [0, *(place[name] for name in cuts)]
    stops = [*(start + 1 for start in starts[1:]), len(nodes)]
    return [
        Segment((replace(nodes[start], layer=nodes[0].layer, inputs=()), *nodes[start + 1 : stop]), start)
        for start, stop in zip(starts, stops, strict=True)
    ]


def forward_pass(
    segments: Sequence[Segment], weights: Mapping[str, Weights], x: Array, modes: Sequence[Mode]
) -> tuple[Array, list[Array], Tape]:
    """The last node's output, the inputs of all segments but the last, and the tape of the last."""
    kept = []
    for segment in segments[:-1]:
        kept.append(x)
        for _, output, _ in walk(segment.nodes, weights, x, segment.modes(modes)):  # noqa: B007
            pass
        x = output
    output, tape = forward(segments[-1].nodes, weights, x, segments[-1].modes(modes))
    return output, kept, tape


def backward_pass(
    segments: Sequence[Segment],
    weights: Mapping[str, Weights],
    modes: Sequence[Mode],
    kept: list[Array],
    tape: Tape,
    dY: Array,
) -> dict[str, Array]:
    """The gradient for every weight, from that for the output; ``kept`` and ``tape`` are empty afterwards."""
    dY, gradients = backward(tape, dY)
    for segment in reversed(segments[:-1]):
        _, tape = forward(segment.nodes, weights, kept.pop(), segment.modes(modes))
        dY, found = backward(tape, dY)
        gradients |= found
    return gradients
