"""The figures by which networks are compared, sorted and held to a budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tatami.errors import OptionError, nearest
from tatami.network import Network
from tatami.network.layers import Activation, Parameter, Shape
from tatami.plan.memory import Memory
from tatami.plan.plan import Plan
from tatami.plan.receptive_field import Field


@dataclass(frozen=True)
class Figures:
    """One network's figures, for one sample; ``memory`` is for its own batch.

    Attributes:
        output: shape of the last layer's output, channels last.
        params: trainable parameters.
        macs: multiply-accumulates of the forward pass, those with weights only.
        activation_values: values of all outputs that need memory of their own, the input included.
        largest_map: values of the largest output.
        field: the receptive field of the last map.
        layers: layers with weights (CONV, FC).
        depth: layers with weights on the longest way from input to output: the 50 of ResNet-50, the 22 of GoogLeNet.
        nonlinearities: activation functions. Pooling, products and SOFTMAX do not count.
        memory: bytes of one training step.
    """

    output: Shape
    params: int
    macs: int
    activation_values: int
    largest_map: int
    field: Field
    layers: int
    depth: int
    nonlinearities: int
    memory: Memory

    @property
    def flops(self) -> int:
        """Floating-point operations: 2 a MAC."""
        return 2 * self.macs


def network_figures(network: Network, plan: Plan) -> Figures:
    """The figures of a network and its plan."""
    weighty = {name.rpartition(".")[0] for name, parameter in network.parameters().items() if _is_weight(parameter)}
    return Figures(
        output=network.output_shape,
        params=plan.totals.params,
        macs=plan.totals.macs,
        activation_values=plan.totals.activation_values,
        largest_map=max(cost.activation_values for cost in plan.layers),
        field=plan.totals.field,
        layers=len(weighty),
        depth=_longest_way(network, weighty),
        nonlinearities=sum(isinstance(node.layer, Activation) for node in network),
        memory=plan.memory,
    )


def training_bytes(memory: Memory) -> int:
    """Bytes of one training step: textbook activations with backward, weights, gradients, optimizer state."""
    return memory.textbook_training_bytes + memory.weights + memory.gradients + memory.optimizer


def _is_weight(parameter: Parameter) -> bool:
    return parameter.role == "weight"


def _longest_way(network: Network, counted: set[str]) -> int:
    """The most nodes of ``counted`` on one way from the input to the last node."""
    so_far: dict[str, int] = {}
    for node in network:
        so_far[node.name] = max((so_far[name] for name in node.inputs), default=0) + (node.name in counted)
    return so_far[network.nodes[-1].name]


# --- figures by name, for budgets and for sorting ---


@dataclass(frozen=True)
class Figure:
    """A figure that can be asked for by name.

    Attributes:
        name: as in ``--assert`` and ``--sort``.
        meaning: in a few words.
        value: reads it: one number, one for each axis where the axes differ, or None where there is no single one.
        in_bytes: bytes rather than a count.
        per_batch: it grows with the batch, so that ``(batch=64)`` may stand behind its name.
    """

    name: str
    meaning: str
    value: Callable[[Figures], int | tuple[int, ...] | None]
    in_bytes: bool = False
    per_batch: bool = False


def _field_sizes(figures: Figures) -> int | tuple[int, ...] | None:
    if figures.field.axes is None:
        return None
    sizes = tuple(axis.size for axis in figures.field.axes)
    return sizes[0] if len(set(sizes)) == 1 else sizes


FIGURES = {
    figure.name: figure
    for figure in (
        Figure("params", "trainable parameters", lambda f: f.params),
        Figure("trainable_params", "the same as params", lambda f: f.params),
        Figure("macs", "multiply-accumulates of a forward pass, one sample", lambda f: f.macs),
        Figure("flops", "2 x macs", lambda f: f.flops),
        Figure("activation_values", "values of all maps, one sample", lambda f: f.activation_values),
        Figure("largest_map", "values of the largest map, one sample", lambda f: f.largest_map),
        Figure("receptive_field", "input pixels that one position of the last map sees", _field_sizes),
        Figure("layers", "layers with weights", lambda f: f.layers),
        Figure("depth", "layers with weights on the longest way through", lambda f: f.depth),
        Figure("nonlinearities", "activation functions", lambda f: f.nonlinearities),
        Figure("weights", "parameters and running statistics, float32", lambda f: f.memory.weights, in_bytes=True),
        Figure(
            "activations",
            "all maps of the batch once, float32",
            lambda f: f.memory.textbook_forward_bytes,
            in_bytes=True,
            per_batch=True,
        ),
        Figure(
            "memory",
            "one training step: maps and their gradients, weights, gradients, optimizer state",
            lambda f: training_bytes(f.memory),
            in_bytes=True,
            per_batch=True,
        ),
    )
}


def figure_named(name: str) -> Figure:
    """The figure of that name.

    Raises:
        OptionError: no such figure; with the nearest name.
    """
    if name in FIGURES:
        return FIGURES[name]
    close = nearest(name, FIGURES)
    raise OptionError(
        "unknown figure", got=name, expected=", ".join(FIGURES), hint=f"did you mean {close}?" if close else None
    )
