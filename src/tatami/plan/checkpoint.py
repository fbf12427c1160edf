"""Activation checkpointing: where to cut a network; on the CPU engine so that a training step takes the least memory.

A segment of layers keeps nothing of its forward pass but what enters it, and runs forward again just before its
backward pass. The last segment keeps all: its backward pass comes at once. Source: Chen et al. 2016, Training Deep Nets
with Sublinear Memory Cost, section 4.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import accumulate

from tatami.network import Network
from tatami.network.layers import product
from tatami.plan.groups import make_groups
from tatami.plan.ops import Forward
from tatami.plan.program import Program, Settings, make_program

MAX_PARTS = 16


def cut_points(network: Network) -> list[str]:
    """Nodes in order through which all paths lead, without the input and the output."""
    dominators = network.dominators()
    name, found = network.nodes[-1].name, []
    while name in dominators:
        name = dominators[name]
        found.append(name)
    return found[-2::-1]


def with_cuts(network: Network, settings: Settings) -> Settings:
    """The settings with the cuts whose training step takes the smallest arena; none where no cut helps."""
    best = replace(settings, cuts=())
    if not settings.training:
        return best
    program = make_program(network, best)
    least = program.arena.size
    for cuts in divisions(program):
        tried = replace(settings, cuts=cuts)
        found = make_program(network, tried)
        if found.arena.size < least and _strides(found) <= _strides(program):
            best, least = tried, found.arena.size
    return best


def _strides(program: Program) -> set[tuple[str, ...]]:
    """How layers' inputs and outputs lie: where that is the same, sums add up in the same order, to the same bits."""
    return {
        (op.node, *(str(place.stride) for place in (*op.inputs, op.output)))
        for op in program.ops
        if isinstance(op, Forward)
    }


def even_cuts(network: Network) -> tuple[str, ...]:
    """Cuts that divide n layers into about sqrt(n) segments, whose outputs are about equally large together."""
    until = dict(zip((node.name for node in network), accumulate(product(node.shape) for node in network), strict=True))
    return _spread(cut_points(network), until, until[network.nodes[-1].name], round(math.sqrt(len(network))))


def even_segments(network: Network) -> tuple[tuple[str, ...], ...]:
    """The layers between :func:`even_cuts`, each segment up to its cut; what lies behind the last one is left out."""
    segments: list[tuple[str, ...]] = []
    names = [node.name for node in network.nodes[1:]]
    for cut in even_cuts(network):
        end = names.index(cut) + 1
        segments.append(tuple(names[:end]))
        names = names[end:]
    return tuple(segments)


def _spread(points: list[str], until: Mapping[str, int], total: int, parts: int) -> tuple[str, ...]:
    """Of the points, in order, those nearest to where the total is divided into equal parts."""
    wanted = [total * i / parts for i in range(1, parts)]
    chosen = {min(points, key=lambda name: abs(until[name] - each)) for each in wanted} if points else set()
    return tuple(name for name in points if name in chosen)


def divisions(program: Program) -> Iterator[tuple[str, ...]]:
    """Ways to cut a training step into up to ``MAX_PARTS`` segments that keep about equally much.

    Args:
        program: the step without cuts.
    """
    network = program.network
    place = {node.name: i for i, node in enumerate(network)}
    ends = {group.last.name for group in make_groups(network, training=True)}
    points = [name for name in cut_points(network) if name in ends and program.places[name].is_dense]
    loss = next(i for i, op in enumerate(program.ops) if op.phase == "loss")
    weights = [0] * len(network)
    for name, buffer in program.buffers.items():
        owner = name.split(".")[0].split("+")[-1]
        if buffer.kind == "activations" and buffer.first < loss < buffer.last and owner in place:
            weights[place[owner]] += buffer.bytes
    until = list(accumulate(weights))
    seen: set[tuple[str, ...]] = {()}
    for parts in range(2, MAX_PARTS + 1):
        cuts = _spread(points, {name: until[place[name]] for name in points}, until[-1], parts)
        if cuts not in seen:
            seen.add(cuts)
            yield cuts
