"""What comes into a layer, and what comes back to it: one sample on its way up, and the gradient of its score.

Letters: C channels of the layer's input, K of its output.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tatami.data.dataset import Array
from tatami.errors import OptionError, TatamiError
from tatami.inspect.checks import need_layer
from tatami.inspect.passes import gradients, output_of
from tatami.network import Network, Node
from tatami.web.convolution_ground import Ground

MOST_MACS = 2 * 10**10
"""Up to a layer, for one sample: some seconds on the textbook engine."""

MOST_MACS_BACK, MOST_WEIGHTS_BACK = 2 * 10**9, 2 * 10**7
"""Of a whole network whose gradients are taken."""


@dataclass(frozen=True, eq=False)
class Incoming:
    """What stands before a layer.

    Attributes:
        node: the layer in its place.
        x: what comes in, (*in, C).
        weights: the layer's tensors by name.
        raw: the sample itself.
        label: its class; empty where it has none.
    """

    node: Node
    x: Array
    weights: dict[str, Array]
    raw: Array
    label: str


@lru_cache(maxsize=8)
def incoming(ground: Ground, layer: str, row: int) -> Incoming:
    """Take one sample up to a layer, by the textbook engine.

    Raises:
        OptionError: no such layer, none that can be opened, no such sample, or too much work.
    """
    node = need_layer(ground.network, layer)
    opened = [each.name for each in ground.layers()]
    if layer not in opened:
        raise OptionError(
            "this layer has no window that slides over one or two axes",
            where=layer,
            got=node.layer.keyword,
            expected=f"one of {', '.join(opened[:8])}" if opened else "a network with CONV or POOL",
        )
    if not 0 <= row < len(ground.split):
        raise OptionError("no such sample", where="sample", got=row, expected=f"0 to {len(ground.split) - 1}")
    macs = _macs(ground.network.nodes[: ground.network.nodes.index(node)], ground.network)
    if macs > MOST_MACS:
        raise OptionError(
            "too much work before this layer for a page",
            where=layer,
            got=f"{macs / 1e9:.3g}G MACs",
            expected=f"at most {MOST_MACS / 1e9:.3g}G",
            hint="an earlier layer, or a smaller INPUT",
        )
    subject = ground.upto(node)
    raw, y = np.asarray(ground.split.x[row]), ground.split.y
    x = output_of(subject, ground.prepare(raw), node.inputs[0])[0]
    label = ground.classes[int(y[row])] if ground.classes and y is not None else ""
    return Incoming(node, x, subject.weights[layer], raw, label)


@lru_cache(maxsize=8)
def score_gradient(ground: Ground, layer: str, row: int) -> tuple[Array | None, str]:
    """The gradient of a score for a layer's output, (*out, K), and which score it is; else None, and why there is none.

    The score is that of the sample's own class, or of the first output where it has no class.
    """
    network = ground.network
    weights = sum(parameter.size for parameter in network.parameters().values())
    if _macs(network.nodes, network) > MOST_MACS_BACK or weights > MOST_WEIGHTS_BACK:
        return None, "the gradient of a score would take too long for this network"
    y = ground.split.y
    target = int(y[row]) if ground.classes and y is not None else 0
    target = target if target < network.output_shape[0] else 0
    try:
        found = gradients(ground.upto(network.nodes[-1]), ground.prepare(np.asarray(ground.split.x[row])), target)
    except TatamiError as error:
        return None, f"this network has no score to follow: {error.problem}"
    if layer not in found.activations:
        return None, f"no score depends on {layer}"
    name = ground.classes[target] if target < len(ground.classes) else str(target)
    return found.activations[layer][0], f"the score of {name}, {found.scores[0]:.4g}"


def _macs(nodes: tuple[Node, ...], network: Network) -> int:
    return sum(node.layer.macs(*network.input_shapes(node)) for node in nodes)
