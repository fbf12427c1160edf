"""How each layer comes to its figures: sizes, parameters, MACs, activation values, receptive field."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tatami.errors import OptionError, nearest
from tatami.network import Network, Node
from tatami.network.layers import Activation, Conv, Pool, Shape, product
from tatami.network.layers.windows import Axis
from tatami.plan.arithmetic import Step, mac_steps, parameter_steps, rule, times, value_step
from tatami.plan.cost import LayerCost
from tatami.plan.errata import memory_errata, same_erratum
from tatami.plan.plan import Plan
from tatami.plan.receptive_field import AxisField, Field

AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


@dataclass(frozen=True)
class Explanation:
    """One layer's arithmetic.

    Attributes:
        name, type: the node's name and its keyword.
        inputs: the shapes that come in.
        output: the shape that goes out.
        rule: what the layer computes.
        lines: what is counted, and its arithmetic with its numbers.
        notes: what else should be known, such as pixels that are never seen.
        errata: where a well-known rule would give something else.
    """

    name: str
    type: str
    inputs: tuple[Shape, ...]
    output: Shape
    rule: str
    lines: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()
    errata: tuple[str, ...] = ()


def explain_layer(network: Network, plan: Plan, name: str) -> Explanation:
    """The arithmetic of the layer ``name``.

    Raises:
        OptionError: no such layer; with the nearest name.
    """
    costs = {cost.name: cost for cost in plan.layers}
    if name not in costs:
        close = nearest(name, costs)
        raise OptionError(
            "the network has no such layer",
            got=name,
            expected="a layer's name, all, or memory",
            hint=f"did you mean {close}?" if close else "`tatami plan` lists the names",
        )
    return _explain(network, network[name], costs)


def explain_all(network: Network, plan: Plan) -> tuple[Explanation, ...]:
    """The arithmetic of every layer, in order. An erratum is told at the first layer that meets it."""
    costs = {cost.name: cost for cost in plan.layers}
    found = [_explain(network, node, costs) for node in network]
    first = next((i for i, explanation in enumerate(found) if explanation.errata), len(found))
    return (*found[: first + 1], *(replace(explanation, errata=()) for explanation in found[first + 1 :]))


def layer_steps(node: Node, shapes: tuple[Shape, ...], cost: LayerCost) -> list[Step]:
    """Parameters, MACs and activation values."""
    counted = [*parameter_steps(node.layer, *shapes), *mac_steps(node.layer, *shapes)]
    return [*counted, value_step(node.shape, cost.activation_values)]


def _explain(network: Network, node: Node, costs: dict[str, LayerCost]) -> Explanation:
    shapes = network.input_shapes(node)
    cost = costs[node.name]
    window = node.layer.window(*shapes)
    sizes: list[tuple[str, str]] = []
    errata: list[str] = []
    if window is not None:
        is_same = isinstance(node.layer, (Conv, Pool)) and node.layer.padding == "same"
        for axis, size_lines in _by_axis(window.axes, is_same):
            sizes += [(f"output {axis}".strip(), line) for line in size_lines]
        if is_same:
            errata = list(filter(None, map(same_erratum, window.axes)))[:1]
    fields = _field_lines(cost.field, [costs[name].field for name in node.inputs], window.axes if window else ())
    steps = [(step.what, str(step)) for step in layer_steps(node, shapes, cost)]
    lines = (*sizes, *steps, *(("receptive field", line) for line in fields))
    return Explanation(
        node.name, node.layer.keyword, shapes, node.shape, rule(node.layer), lines, cost.notes, tuple(errata)
    )


# --- sizes ---


def _by_axis(axes: tuple[Axis, ...], is_same: bool) -> list[tuple[str, list[str]]]:
    """The lines of each axis; axes that are alike share theirs."""
    if len(set(axes)) == 1:
        return [("", _size_lines(axes[0], is_same))]
    return [(name, _size_lines(axis, is_same)) for name, axis in zip(AXES[len(axes)], axes, strict=True)]


def _size_lines(axis: Axis, is_same: bool) -> list[str]:
    lines = []
    if axis.dilation > 1:
        lines.append(f"dilated field: ({axis.size} - 1)*{axis.dilation} + 1 = {axis.extent}")
    if is_same:
        total = axis.before + axis.after
        lines.append(
            f"P=same: ceil({axis.length}/{axis.stride}) = {axis.output}; total padding "
            f"max(({axis.output} - 1)*{axis.stride} + {axis.extent} - {axis.length}, 0) = {total}: "
            f"{axis.before} before, {axis.after} after"
        )
    cut = f", rounded down to {axis.output}" if axis.left_over else ""
    return [*lines, f"{axis.formula()}{cut}"]


# --- receptive field ---


def _field_lines(field: Field, inputs: list[Field], axes: tuple[Axis, ...]) -> list[str]:
    if field.why == "whole":
        return ["all of the input: a vector has no positions"]
    if field.axes is None:
        return ["no single one: branches of different jump or centre have met"]
    if not inputs:
        return ["1: each position sees itself"]
    branches = [branch.axes for branch in inputs if branch.axes is not None]
    along = [max((axis for axis in each), key=lambda axis: axis.size) for each in zip(*branches, strict=True)]
    found = [
        _one_axis(before, after, axes[i] if axes else None, len(branches))
        for i, (before, after) in enumerate(zip(along, field.axes, strict=True))
    ]
    if len(set(found)) == 1:
        return [found[0]]
    return [f"{name}: {line}" for name, line in zip(AXES[len(found)], found, strict=True)]


def _one_axis(before: AxisField, after: AxisField, axis: Axis | None, branches: int) -> str:
    if axis is None:
        largest = f"the largest of {branches} branches" if branches > 1 else "that of its input"
        return f"{after.size}, {largest}; jump {after.jump}"
    step = times(axis.dilation, before.jump) if axis.dilation > 1 else str(before.jump)
    return f"{before.size} + ({axis.size} - 1)*{step} = {after.size}; jump {before.jump}*{axis.stride} = {after.jump}"


# --- memory ---


@dataclass(frozen=True)
class MemoryRow:
    """One layer in the memory of a sample: shape, values that need memory, weights without biases."""

    name: str
    shape: Shape
    values: int
    weights: int

    def __str__(self) -> str:
        """``224*224*64 = 3,211,264``."""
        return str(value_step(self.shape, self.values))


@dataclass(frozen=True)
class MemoryExplanation:
    """The memory of one sample, row by row, as in CS231n's table of VGGNet.

    Attributes:
        rows: the layers with memory of their own or with weights.
        values: the sum of the rows; 4 bytes each in float32.
        apart_values: the sum when activation functions on maps keep their outputs apart, rather than in place.
        errata: published figures for just these rows that do not follow from them.
        weights: without biases; ``params`` with them.
    """

    rows: tuple[MemoryRow, ...]
    values: int
    apart_values: int
    weights: int
    params: int
    errata: tuple[str, ...]


def explain_memory(network: Network, plan: Plan) -> MemoryExplanation:
    """The rows of memory, and their sum."""
    rows = [
        MemoryRow(cost.name, cost.output, cost.activation_values, _weights(network, network[cost.name]))
        for cost in plan.layers
    ]
    in_place = [
        product(cost.output)
        for cost in plan.layers
        if isinstance(network[cost.name].layer, Activation) and len(cost.output) > 1 and not cost.activation_values
    ]
    values = plan.totals.activation_values
    apart = values + sum(in_place)
    return MemoryExplanation(
        rows=tuple(row for row in rows if row.values or row.weights),
        values=values,
        apart_values=apart,
        weights=sum(row.weights for row in rows),
        params=plan.totals.params,
        errata=tuple(map(str, memory_errata(values, apart))),
    )


def _weights(network: Network, node: Node) -> int:
    parameters = node.layer.parameters(*network.input_shapes(node)).values()
    return sum(parameter.size for parameter in parameters if parameter.role == "weight")
