"""The figures by which networks are compared, sorted and held to a budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tatami.errors import OptionError, nearest
from tatami.network import Network, Node
from tatami.network.layers import Activation, Shape
from tatami.plan.cost import FLOAT32
from tatami.plan.plan import Plan
from tatami.plan.receptive_field import Field


@dataclass(frozen=True)
class Figures:
    """One network's figures: for one sample, but for the bytes, which are those of a step of ``batch``.

    Attributes:
        output: shape of the last layer's output, channels last.
        params: trainable parameters.
        buffers: running statistics.
        macs: multiply-accumulates of the forward pass, those with weights only.
        activation_values: values of all outputs that need memory of their own, the input included.
        largest_map: values of the largest output.
        field: the receptive field of the last map.
        layers: layers with weights (CONV, FC).
        depth: layers with weights on the longest way from input to output: the 50 of ResNet-50, the 22 of GoogLeNet.
        nonlinearities: activation functions. Pooling, products and SOFTMAX do not count.
        batch: samples in a step.
        peak_bytes: the most that is alive at one time in the step; None where it was not worked out.
    """

    output: Shape
    params: int
    buffers: int
    macs: int
    activation_values: int
    largest_map: int
    field: Field
    layers: int
    depth: int
    nonlinearities: int
    batch: int
    peak_bytes: int | None = None

    @property
    def flops(self) -> int:
        """Floating-point operations: 2 a MAC."""
        return 2 * self.macs

    @property
    def textbook_forward_bytes(self) -> int:
        """Every map of the batch once, in float32."""
        return FLOAT32 * self.batch * self.activation_values


def plan_figures(plan: Plan, peak: bool = True) -> Figures:
    """The figures of a planned network.

    Args:
        plan: of the network.
        peak: whether to work out the peak of memory, which takes as long as all the others.
    """
    network = plan.network
    weighty = {node.name for node in network if _has_weights(network, node)}
    return Figures(
        output=network.output_shape,
        params=plan.totals.params,
        buffers=plan.totals.buffers,
        macs=plan.totals.macs,
        activation_values=plan.totals.activation_values,
        largest_map=max(cost.activation_values for cost in plan.layers),
        field=plan.totals.field,
        layers=len(weighty),
        depth=_longest_way(network, weighty),
        nonlinearities=sum(isinstance(node.layer, Activation) for node in network),
        batch=plan.settings.batch,
        peak_bytes=plan.memory.peak_bytes if peak else None,
    )


def _has_weights(network: Network, node: Node) -> bool:
    parameters = node.layer.parameters(*network.input_shapes(node)).values()
    return any(parameter.role == "weight" for parameter in parameters)


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


def _weight_bytes(figures: Figures) -> int:
    return FLOAT32 * (figures.params + figures.buffers)


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
        Figure("weights", "parameters and running statistics, float32", _weight_bytes, in_bytes=True),
        Figure(
            "activations",
            "all maps of the batch once, float32",
            lambda f: f.textbook_forward_bytes,
            in_bytes=True,
            per_batch=True,
        ),
        Figure(
            "textbook_memory",
            "about twice that, for the backward pass",
            lambda f: 2 * f.textbook_forward_bytes,
            in_bytes=True,
            per_batch=True,
        ),
        Figure(
            "memory",
            "the most that is alive at one time in a training step",
            lambda f: f.peak_bytes,
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
