"""One network, spelled as a person would: ``same`` for the padding that it is; or as the file says that it was."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import astuple, replace

from tatami.errors import TatamiError
from tatami.exchange.channels_first import vectors_channels_first
from tatami.network import Network, find_network
from tatami.network.graph import Node
from tatami.network.layers import (
    Add,
    BatchNorm,
    Conv,
    Flatten,
    Layer,
    Pool,
    Scale,
    Shape,
    Slice,
)


def as_told(text: str | None, network: Network) -> tuple[Network, Mapping[str, str]] | None:
    """The network that ``text`` describes, if it computes what ``network`` does; and the names there by those here.

    What tatami wrote carries the text it came from, which has names and words that the operators do not keep.
    """
    if not text:
        return None
    try:
        told = find_network(text, files=False).build()
    except TatamiError:
        return None
    here, there = _essence(network), _essence(told)
    if [said for _, said in here] != [said for _, said in there]:
        return None
    return told, {theirs: ours for (ours, _), (theirs, _) in zip(here, there, strict=True)}


def same_essence(network: Network, other: Network) -> bool:
    """Whether two networks compute the same, layer by layer: names, words for paddings and idle layers aside."""
    return [said for _, said in _essence(network)] == [said for _, said in _essence(other)]


def spelled(network: Network) -> Network:
    """The network with its paddings spelled alike: all as words where words say all of them, as numbers otherwise.

    Those of a 1x1 convolution on a shortcut are numbers, as RES makes it by itself.
    """
    shortcuts = _projections(network)
    by_word = _with_paddings(network, shortcuts, words=True)
    convolutions = [node.layer for node in by_word if isinstance(node.layer, Conv) and node.name not in shortcuts]
    said = all(layer.padding == "same" for layer in convolutions)
    return by_word if said else _with_paddings(network, shortcuts, words=False)


def _with_paddings(network: Network, shortcuts: set[str], words: bool) -> Network:
    nodes = []
    for node in network:
        layer = node.layer
        if isinstance(layer, (Conv, Pool)) and node.name not in shortcuts and not isinstance(layer.padding, str):
            nodes.append(replace(node, layer=_padded(layer, network.input_shapes(node)[0], words)))
        else:
            nodes.append(node)
    return Network(tuple(nodes))


def _padded(layer: Conv | Pool, shape: Shape, words: bool) -> Conv | Pool:
    named = replace(layer, padding="same")
    pads = layer.window(shape).padding
    uneven = any(before != after for before, after in pads)
    is_point = all(size == 1 for size in layer.kernel_size)
    if named.window(shape).padding == pads and (words or uneven or is_point):
        return named
    return replace(layer, padding="valid") if isinstance(layer, Pool) and not any(map(any, pads)) else layer


def _projections(network: Network) -> set[str]:
    """1x1 convolutions that are all of a shortcut, but for a BN."""
    consumers, dominators = network.consumers(), network.dominators()
    found = set()
    for node in network:
        if not isinstance(node.layer, Add) or len(node.inputs) != 2:
            continue
        fork = dominators[node.name]
        for name in node.inputs:
            end = network[name]
            end = network[end.inputs[0]] if isinstance(end.layer, BatchNorm) else end
            is_conv = type(end.layer) is Conv and all(size == 1 for size in end.layer.kernel_size)
            if is_conv and end.inputs == (fork,) and len(consumers[end.name]) == 1:
                found.add(end.name)
    return found


def _essence(network: Network) -> list[tuple[str, Hashable]]:
    """What is computed, spelling aside: for each layer its name, and itself with the places of its inputs."""
    free = vectors_channels_first(network)
    places: dict[str, int] = {}
    found: list[tuple[str, Hashable]] = []
    for node in network:
        if _is_idle(node, network, free):
            places[node.name] = places[node.inputs[0]]
            continue
        places[node.name] = len(found)
        inputs = tuple(places[name] for name in node.inputs)
        found.append((node.name, (_plain(node.layer, network.input_shapes(node)), inputs)))
    return found


def _is_idle(node: Node, network: Network, free: Mapping[str, Shape]) -> bool:
    """Whether it changes no value, and none changes its place for a layer that would see it."""
    match node.layer:
        case Flatten():
            return node.name in free or len(network.input_shapes(node)[0]) == 1
        case Slice():
            return node.shape == network.input_shapes(node)[0]
    return False


def _plain(layer: Layer, shapes: tuple[Shape, ...]) -> Hashable:
    match layer:
        case Conv():
            pads = layer.window(*shapes).padding
            return ("CONV", *astuple(Conv(**{**vars(layer), "padding": pads})))
        case Pool():
            pads = layer.window(*shapes).padding
            counts = layer.count_pad and layer.kind == "avg" and any(map(any, pads))
            return ("POOL", layer.kernel_size, layer.stride, pads, layer.kind, counts)
        case Scale():
            return "SCALE"
    rough = (f"{value:.5g}" if isinstance(value, float) else value for value in vars(layer).values())
    return (layer.keyword, *rough)  # ONNX keeps float32
