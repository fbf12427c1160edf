"""What every inspection checks: layers, units and targets that are asked for by name or number."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tatami.errors import OptionError, nearest
from tatami.network import Network, Node
from tatami.network.layers import size_text
from tatami.network.layers.arguments import is_whole


def need_layer(network: Network, name: str) -> Node:
    """The layer of this name.

    Raises:
        OptionError: there is none; the hint names the nearest.
    """
    known = [node.name for node in network]
    if name not in known:
        close = nearest(name, known)
        hint = f"did you mean {close}?" if close else f"layers: {', '.join(known[:8])}{', ...' * (len(known) > 8)}"
        raise OptionError("no such layer", where="layer", got=name, hint=hint)
    return network[name]


def need_map(network: Network, name: str) -> Node:
    """The layer of this name, whose output has positions.

    Raises:
        OptionError: there is none, or its output is a plain vector.
    """
    node = need_layer(network, name)
    if len(node.shape) < 2:
        maps = [other.name for other in network if len(other.shape) > 1]
        raise OptionError(
            "this layer has no positions",
            where=name,
            got=f"a plain vector of {node.shape[0]}",
            expected="a layer whose output is a map",
            hint=f"the last such layer is {maps[-1]}" if maps else "this network has none",
        )
    return node


def need_unit(node: Node, unit: int) -> None:
    """Refuse a unit, one channel of a layer's output, that the layer does not have.

    Raises:
        OptionError: it is out of range.
    """
    units = node.shape[-1]
    if not 0 <= unit < units:
        raise OptionError(
            "no such unit", where=node.name, got=unit, expected=f"0 to {units - 1}, as the layer has {units} units"
        )


def need_targets(network: Network, targets: ArrayLike, samples: int) -> NDArray[np.int64]:
    """One output of the network a sample, (N,); a single number stands for all of the samples.

    Raises:
        OptionError: they are not whole numbers, not as many as there are samples, or one is no output of the network.
    """
    if len(network.output_shape) != 1:
        raise OptionError(
            "this network has no scores to explain",
            where=network.nodes[-1].name,
            got=f"an output of {size_text(network.output_shape)}",
            expected="one score for each class or target",
        )
    found = np.asarray(targets)
    if found.dtype.kind not in "iu" or found.shape not in ((), (samples,)):
        raise OptionError(
            "unusable targets",
            where="targets",
            got=f"{found.dtype} {found.shape}",
            expected=f"a whole number, or one for each of {samples} samples",
        )
    outputs = network.output_shape[0]
    if samples and not (found.min() >= 0 and found.max() < outputs):
        raise OptionError(
            "target out of range",
            where="targets",
            got=int(found.min() if found.min() < 0 else found.max()),
            expected=f"0 to {outputs - 1}, as the network has {outputs} outputs",
        )
    return np.broadcast_to(found, (samples,)).astype(np.int64)


def need_count(what: str, value: int) -> None:
    """Refuse a number of things that is no whole number from 1.

    Raises:
        OptionError: names ``what``.
    """
    if not is_whole(value, 1):
        raise OptionError(f"impossible {what}", where=what, got=value, expected="a whole number of at least 1")
