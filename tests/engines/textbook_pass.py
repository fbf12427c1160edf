"""The textbook engine as the gradient check wants it."""

from collections import defaultdict

import numpy as np

from tatami.engines.textbook.rules import Mode
from tatami.engines.textbook.walk import backward, forward
from tatami.network import Network

from .cases import Case
from .gradient_check import Pass, gradient_errors


def textbook_pass(network: Network, training: bool = True) -> Pass:
    def run(weights, x):
        by_node = defaultdict(dict)
        for name, value in weights.items():
            node, parameter = name.rsplit(".", 1)
            by_node[node][parameter] = value
        modes = [Mode(training=training, seed=3, step=1, node=i) for i in range(len(network))]
        Y, tape = forward(network.nodes, by_node, x, modes)
        return Y, lambda dY: backward(tape, dY)

    return run


def textbook_errors(case: Case) -> dict[str, float]:
    """The gradient check of ``case`` on the textbook engine."""
    network = case.network()
    trainable = {name for name, parameter in network.parameters().items() if parameter.trainable}
    run = textbook_pass(network, case.training)
    weights, x, dY = case.weights(), case.inputs(), case.output_gradient()
    return gradient_errors(run, weights, x, dY, trainable, ties=case.ties)


def output_of(text: str, x, **weights) -> np.ndarray:
    """The textbook engine's output of a network of one layer, at inference, for one sample ``x``."""
    case = Case(text)
    network = case.network()
    values = {f"{network.nodes[-1].name}.{name}": np.asarray(value, float) for name, value in weights.items()}
    x = np.asarray(x, float).reshape(1, *network.input_shape)
    return textbook_pass(network, training=False)(values, x)[0][0]
